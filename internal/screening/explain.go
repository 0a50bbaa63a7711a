package screening

import (
	"fmt"
	"slices"
	"strings"
)

// explain writes the alignment down, in the order of the query's words; then what the
// entry has beyond.
func (a *aligner) explain() []AlignedPart {
	var parts []AlignedPart
	groups := slices.Clone(a.groups)
	slices.SortStableFunc(groups, func(x, y group) int { return int(x.q) - int(y.q) })
	total := float32(0)
	add := func(q, e, how string, w, s float32) {
		total += w
		parts = append(parts, AlignedPart{Query: q, Entry: e, Transformation: how, Weight: float64(w), Score: rounded(s)})
	}
	for _, g := range groups {
		q, e := a.q[g.q:g.q+g.qn], a.e[g.e:g.e+g.en]
		add(texts(q), texts(e), describe(g, q, e), a.weightOf(g), g.s)
	}
	for i, t := range a.q {
		if a.inQ[i] == 0 {
			add(t.text, "", leftOver(a.repeatQ&(1<<i) != 0, "only in the query"), t.weight/2, 0)
		}
	}
	for j, t := range a.e {
		if a.inE[j] == 0 {
			add("", t.text, leftOver(a.repeatE&(1<<j) != 0, "only in the entry"), t.weight/2, 0)
		}
	}
	for i := range parts {
		if total > 0 {
			parts[i].Weight = rounded(float32(parts[i].Weight) / total)
		}
	}
	return parts
}

func leftOver(twice bool, otherwise string) string {
	if twice {
		return howNames[repeated]
	}
	return otherwise
}

func texts(toks []token) string {
	var s []string
	for _, t := range toks {
		s = append(s, t.text)
	}
	return strings.Join(s, " ")
}

func describe(g group, q, e []token) string {
	d := howNames[g.how]
	switch g.how {
	case transliteration:
		from, to := q[0].script, e[0].script
		if from == latin {
			from, to = to, from
		}
		d = "transliterated from " + scriptNames[from]
		if to != latin {
			d = scriptNames[q[0].script] + " and " + scriptNames[e[0].script] + " of the same sound"
		}
	case acronym:
		return d
	}
	if g.qn != g.en {
		d += ", written together or apart"
	}
	return d
}

// against says in words what speaks against the two names being one.
func (a *aligner) against() (out []string) {
	if a.numbers {
		out = append(out, "a number differs or is missing")
	}
	if a.kinds {
		out = append(out, "the kinds of company differ")
	}
	q, e := a.strangers(a.q, &a.inQ, a.repeatQ), a.strangers(a.e, &a.inE, a.repeatE)
	switch {
	case q != "" && e != "":
		out = append(out, fmt.Sprintf("one says %s where the other says %s", q, e))
	case q != "":
		out = append(out, "the entry does not have "+q)
	case e != "":
		out = append(out, "the query does not have "+e)
	}
	if a.lone() {
		out = append(out, "only one word of the name agrees")
	}
	for _, g := range a.groups {
		if g.s < 0.75 {
			out = append(out, fmt.Sprintf("%s and %s are not very alike", texts(a.q[g.q:g.q+g.qn]), texts(a.e[g.e:g.e+g.en])))
		}
	}
	return out
}

// strangers are the words that found nothing and weigh something.
func (a *aligner) strangers(toks []token, in *[maxToks]int8, repeat uint32) string {
	var s []string
	for i, t := range toks {
		if in[i] == 0 && repeat&(1<<i) == 0 && (t.class == plain || t.class == general) {
			s = append(s, t.text)
		}
	}
	return strings.Join(s, " ")
}
