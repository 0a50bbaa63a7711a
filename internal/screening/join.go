package screening

import (
	"math/bits"
	"slices"
	"strings"
)

// join looks for words that one side writes together and the other apart, where
// single words have not been found or fit badly.
func (a *aligner) join() {
	for range 3 {
		best, gain := group{}, float32(0.05)
		for i := range a.q {
			for j := range a.e {
				a.joinAt(i, j, &best, &gain)
			}
		}
		if best.qn == 0 {
			return
		}
		a.replace(best)
	}
}

func (a *aligner) joinAt(i, j int, best *group, gain *float32) {
	if a.settled(a.inQ[i]) || a.settled(a.inE[j]) {
		return
	}
	for qn := 1; qn <= 3 && i+qn <= len(a.q); qn++ {
		for en := 1; en <= 3 && j+en <= len(a.e); en++ {
			if qn*en == 1 || qn+en > 4 {
				continue
			}
			g := group{int8(i), int8(qn), int8(j), int8(en), exact, 0}
			worth := a.weightOf(g)
			held := a.held(g)
			if worth-held < *gain {
				continue
			}
			if g.s, g.how = a.joined(i, qn, j, en); g.s < 0.8 {
				continue
			}
			if more := worth*g.s - held; more > *gain {
				*best, *gain = g, more
			}
		}
	}
}

// settled tells whether a word has found its like already.
func (a *aligner) settled(in int8) bool { return in > 0 && a.groups[in-1].s > 0.93 }

func (a *aligner) weightOf(g group) (w float32) {
	for i := g.q; i < g.q+g.qn; i++ {
		w += a.q[i].weight
	}
	for j := g.e; j < g.e+g.en; j++ {
		w += a.e[j].weight
	}
	return w / 2
}

// held is what the words of g are worth as they are grouped now.
func (a *aligner) held(g group) (w float32) {
	var seen uint64
	add := func(in int8) {
		if in > 0 && seen&(1<<in) == 0 {
			seen |= 1 << in
			w += a.weightOf(a.groups[in-1]) * a.groups[in-1].s
		}
	}
	for i := g.q; i < g.q+g.qn; i++ {
		add(a.inQ[i])
	}
	for j := g.e; j < g.e+g.en; j++ {
		add(a.inE[j])
	}
	return w
}

// replace takes g and gives up the groups that used its words.
func (a *aligner) replace(g group) {
	var gone uint64
	for i := g.q; i < g.q+g.qn; i++ {
		gone |= 1 << a.inQ[i]
	}
	for j := g.e; j < g.e+g.en; j++ {
		gone |= 1 << a.inE[j]
	}
	old := slices.Clone(a.groups)
	a.groups = a.groups[:0]
	clear(a.inQ[:len(a.q)])
	clear(a.inE[:len(a.e)])
	for k, o := range old {
		if gone&(1<<(k+1)) == 0 {
			a.take(o)
		}
	}
	a.take(g)
}

// joined compares words of both sides written together.
func (a *aligner) joined(i, qn, j, en int) (float32, how) {
	q, e := a.q[i:i+qn], a.e[j:j+en]
	for _, toks := range [...][]token{q, e} {
		for _, t := range toks {
			if t.class == legal || t.class == number && len(toks) > 1 {
				return 0, differs
			}
		}
	}
	if !couldJoin(q, e) {
		if lettersChange(q, e) && sameSyllables(a.queryJoined(i, qn).form, joinForms(e)) {
			return 0.92, wadeGilesWay
		}
		return 0, differs
	}
	if q[0].script == latin && e[0].script == latin {
		x, y := a.queryJoined(i, qn).form, joinForms(e)
		s, h := romanCloseness(x, y)
		if s < 0.9 && mandarin(q) && mandarin(e) {
			if sameSyllables(x, y) {
				return 0.92, wadeGilesWay
			}
		}
		return s, h
	}
	return joinedAcross(a.queryJoined(i, qn), q, e)
}

// joinedAcross compares words written together of which one side at least is not in
// Latin letters.
func joinedAcross(x *word, q, e []token) (float32, how) {
	if q[0].script == e[0].script {
		y := joinTexts(e)
		if x.text == y {
			return 1, exact
		}
		rx, ry := []rune(x.text), []rune(y)
		return closeness(float32(runeEdits(rx, ry)), max(len(rx), len(ry))), slip
	}
	y := joinedWord(e)
	if s := readAcross(x, y); s > 0 || abjad(x) || abjad(y) {
		return s, transliteration
	}
	if mandarin(q) && mandarin(e) {
		if kx := chineseKey(x.form); kx != "" && kx == chineseKey(y.form) {
			return 0.93, transliteration
		}
	}
	s, _ := romanCloseness(x.form, y.form)
	return s * 0.97, transliteration
}

// queryJoined is a run of the query's words written together. Each is made once.
func (a *aligner) queryJoined(i, n int) *word {
	if n == 1 {
		return a.q[i].word
	}
	if a.joinsOf != &a.q[0] {
		a.joinsOf = &a.q[0]
		clear(a.joins[:])
	}
	w := &a.joins[i*2+n-2]
	if *w == nil {
		*w = joinedWord(a.q[i : i+n])
	}
	return *w
}

func joinedWord(toks []token) *word {
	if len(toks) == 1 {
		return toks[0].word
	}
	w := &word{form: joinForms(toks), script: toks[0].script, id: -1}
	w.skel = skeleton(w.form)
	if w.script != latin {
		w.text = joinTexts(toks)
		w.units = unitsOf(w.text, w.script)
	}
	return w
}

// couldJoin tells quickly whether words could be the same written together: they begin
// with one consonant and have about as many.
func couldJoin(q, e []token) bool {
	lq, le := formLen(q), formLen(e)
	if max(lq, le) < 4 || lq > 40 || le > 40 || 3*lq < le || 3*le < lq {
		return false
	}
	if q[0].script == latin && e[0].script == latin && (max(lq-le, le-lq) > 3 || bits.OnesCount32(letters(q)^letters(e)) > 4+max(0, max(lq, le)-6)/3) {
		return false
	}
	fq, nq := consonants(q)
	fe, ne := consonants(e)
	return (fq == fe || fq == 0 || fe == 0 || sibilant(fq) && sibilant(fe)) && max(nq-ne, ne-nq) <= 2
}

// lettersChange tells Chinese words in Latin letters of about one length, which Wade–Giles
// writes with other letters than pinyin: hs for x, ts for z, and so with another beginning.
func lettersChange(q, e []token) bool {
	if q[0].script != latin || e[0].script != latin || !mandarin(q) || !mandarin(e) {
		return false
	}
	lq, le := formLen(q), formLen(e)
	return min(lq, le) >= 4 && max(lq, le) <= longestChinese && max(lq-le, le-lq) <= 4
}

func sameSyllables(x, y string) bool {
	k := chineseKey(x)
	return k != "" && k == chineseKey(y)
}

func letters(toks []token) (mask uint32) {
	for _, t := range toks {
		mask |= t.mask
	}
	return mask
}

// sibilant tells whether a consonant is one that romanisations of ث, ص, ج and ز differ in.
func sibilant(c byte) bool { return c == 's' || c == 't' || c == 'd' || c == 'j' }

func consonants(toks []token) (first byte, n int) {
	for _, t := range toks {
		if first == 0 && t.skel != "" {
			first = t.skel[0]
		}
		n += len(t.skel)
	}
	return first, n
}

func mandarin(toks []token) bool {
	for _, t := range toks {
		if t.zh == "" {
			return false
		}
	}
	return true
}

func formLen(toks []token) (n int) {
	for _, t := range toks {
		n += len(t.form)
	}
	return n
}

func joinForms(toks []token) string {
	if len(toks) == 1 {
		return toks[0].form
	}
	var b strings.Builder
	for _, t := range toks {
		b.WriteString(t.form)
	}
	return b.String()
}

func joinTexts(toks []token) string {
	var b strings.Builder
	for _, t := range toks {
		b.WriteString(t.text)
	}
	return b.String()
}
