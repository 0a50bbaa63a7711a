package campaigns

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// valueReason tells a shared value in plain words.
func (w *weigher) valueReason(o portcullis.Observable, r *role, s stat, bits float64) Reason {
	kind := ReasonInfrastructure
	if r.content {
		kind = ReasonContent
	}
	text := "same " + r.phrase + named(o)
	switch {
	case s.told:
		text += ", named to us as an attacker's"
	case o.Type == TypeName || o.Type == TypePath || o.Type == TypeTool: // the archive keeps none of them
		text += fmt.Sprintf(", seen in %s of %s mails with findings", thousands(s.inside), thousands(max(w.items, s.inside)))
	case s.seen > 0:
		text += fmt.Sprintf(", seen in %s of %s mails", thousands(s.seen), thousands(max(w.total, s.seen)))
	}
	return Reason{Kind: kind, Text: text, Bits: bits, Value: &o, Seen: s.seen, Of: max(w.total, s.seen)}
}

// named is the value as far as a person can read it: what is keyed is left out.
func named(o portcullis.Observable) string {
	if strings.HasPrefix(o.Value, "~") {
		if _, domain, ok := strings.Cut(o.Value, "@"); ok {
			return " (an address at " + domain + ")"
		}
		return ""
	}
	if o.Type == portcullis.TypeHash && len(o.Value) > 12 {
		return " " + o.Value[:12] + "…"
	}
	if len(o.Value) > 120 {
		return " " + strings.ToValidUTF8(o.Value[:120], "") + "…"
	}
	return " " + o.Value
}

func textReason(like, bits float64, a, b *profile) Reason {
	text := "bodies " + percent(like) + " alike"
	if n := min(a.words, b.words); n < 40 {
		text += fmt.Sprintf(" (of only %d words)", n)
	}
	seen := 0
	for _, t := range []*sharedText{a.same, b.same} {
		if t != nil {
			seen = max(seen, t.items+t.outside)
		}
	}
	if seen > 2 {
		text += fmt.Sprintf(", a text seen in %s mails", thousands(seen))
	}
	return Reason{Kind: ReasonContent, Text: text, Bits: bits, Seen: seen}
}

func timeReason(days, bits float64) Reason {
	r := Reason{Kind: ReasonTiming, Bits: bits, Text: "sent " + apart(days) + " apart"}
	if bits < 0 {
		r.Kind = ReasonAgainst
	}
	return r
}

func apart(days float64) string {
	d := time.Duration(days * 24 * float64(time.Hour))
	switch {
	case d < 2*time.Minute:
		return "less than two minutes"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(math.Round(d.Hours())))
	}
	return fmt.Sprintf("%d days", int(math.Round(days)))
}

func (w *weigher) targetReason(a, b *profile, group string, bits float64) Reason {
	if group == "" {
		return Reason{Kind: ReasonTargets, Bits: bits, Text: "the same person got both"}
	}
	return Reason{Kind: ReasonTargets, Bits: bits, Seen: w.groups[group], Of: w.items,
		Text: fmt.Sprintf("both for people %s, as are %s of %s mails with findings", within(group), thousands(w.groups[group]), thousands(w.items))}
}

func percent(x float64) string { return strconv.Itoa(int(math.Round(100*x))) + " %" }

// thousands writes 41208 as 41,208.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return thousands(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	if strings.HasSuffix(noun, "o") {
		noun += "e"
	}
	return thousands(n) + " " + noun + "s"
}
