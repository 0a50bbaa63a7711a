package web

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// functions are what the templates may call. Those that show a stranger's text
// make it visible; html/template escapes it.
func functions(c Config, a assets) template.FuncMap {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return "—"
		}
		return t.In(c.Zone).Format("2 Jan 2006 15:04")
	}
	return template.FuncMap{
		"asset": a.path,
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp": stamp,
		"clock": func(t time.Time) string { return t.In(c.Zone).Format("15:04:05") },
		"day":   func(t time.Time) string { return t.In(c.Zone).Format("2 Jan 2006") },
		"zone":  func() string { return c.Now().In(c.Zone).Format("MST") },
		"now":   func() time.Time { return c.Now() },
		"ago":   func(t time.Time) string { return ago(c.Now(), t) },
		"over":  func(t time.Time) bool { return !t.IsZero() && t.Before(c.Now()) },
		"input": func(t time.Time) string { return t.In(c.Zone).Format("2006-01-02T15:04") },
		"name":  named, "vis": visible, "whole": visibleAll, "num": thousands, "plural": plural, "roughly": roughly,
		"linkTo": linkTo, "percent": func(p float64) string { return fmt.Sprintf("%.0f %%", p*100) },
		"severity": severityClass, "stateClass": stateClass, "sign": sign, "spark": spark,
		"times":   func(a, b float64) float64 { return a * b },
		"more":    more,
		"odds":    odds,
		"yards":   func() []band { return yardstick },
		"has":     func(m map[NoticeState]int, s string) int { return m[NoticeState(s)] },
		"dict":    dict,
		"join":    func(words []string) string { return visible(strings.Join(words, ", ")) },
		"lines":   func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") },
		"sources": func() []option { return gradeSources }, "contents": func() []option { return gradeContents }, "vertices": func() []option { return vertices }, "ladder": func() []option { return ladder },
		"short": short, "screenWord": screenWord, "screenClass": screenClass,
	}
}

// option is one of a list to choose from.
type option struct{ Value, Text string }

// What a form of evidence offers: the Admiralty system's words (NATO AJP-2.1), the Diamond
// model's vertices, and the ladder of likelihoods that docs/ASSESSMENTS.md explains.
var (
	gradeSources = []option{{"A", "A – completely reliable"}, {"B", "B – usually reliable"}, {"C", "C – fairly reliable"}, {"D", "D – not usually reliable"}, {"E", "E – unreliable"}, {"F", "F – cannot be judged"}}

	gradeContents = []option{{"1", "1 – confirmed by others"}, {"2", "2 – probably true"}, {"3", "3 – possibly true"}, {"4", "4 – doubtful"}, {"5", "5 – improbable"}, {"6", "6 – cannot be judged"}}

	vertices = []option{{"adversary", "adversary"}, {"capability", "capability"}, {"infrastructure", "infrastructure"}, {"victim", "victim"}}

	ladder = []option{{"expected", "expected: its absence would surprise"}, {"probable", "probable (7 in 10)"}, {"even", "even (1 in 2)"}, {"less-than-even", "less than even (1 in 4)"}, {"improbable", "improbable (1 in 8)"},
		{"rare", "rare (1 in 23)"}, {"very-rare", "very rare (1 in 90)"}, {"exceptional", "exceptional (1 in 362)"}, {"all-but-excluded", "all but excluded (1 in 4096)"}}
)

// named is what a link or heading says that must not be empty.
func named(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(no name)"
	}
	return visible(s)
}

// ago says how far a time is from now: "3 hours ago", "in 2 days".
func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d >= 0:
		return roughly(d) + " ago"
	default:
		return "in " + roughly(d)
	}
}

func severityClass(s portcullis.Severity) string {
	switch s {
	case portcullis.Critical, portcullis.High:
		return "govuk-tag--red"
	case portcullis.Medium:
		return "govuk-tag--orange"
	case portcullis.Low:
		return "govuk-tag--yellow"
	}
	return "govuk-tag--grey"
}

func stateClass(s NoticeState) string {
	switch s {
	case Drafted:
		return "govuk-tag--yellow"
	case Approved:
		return "govuk-tag--blue"
	case Delayed:
		return "govuk-tag--purple"
	case Sent, HandedOver:
		return "govuk-tag--green"
	}
	return "govuk-tag--grey"
}

// sign is how a piece of evidence leans, as analysts write it into a matrix.
func sign(leans int) string {
	switch {
	case leans > 0:
		return strings.Repeat("+", min(leans, 3))
	case leans < 0:
		return strings.Repeat("−", min(-leans, 3))
	}
	return "0"
}

// spark is a row of small bars, 40 by 16.
func spark(counts []int) []bar {
	counts = counts[max(len(counts)-40, 0):]
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	var out []bar
	for i, n := range counts {
		out = append(out, upright(i, 120/float64(max(len(counts), 1)), n, most, 0, 20, ""))
	}
	return out
}

// more is the address of a list: what was asked, and the page if it is not the first.
func more(path, next string, pairs ...string) string {
	q := url.Values{}
	if next != "" {
		q.Set("page", next)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// dict hands several values to a template.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict wants pairs, got %d values", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict wants names, got %T", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// odds is a likelihood as people say it: a small one as one in so many.
func odds(p float64) string {
	if p >= 0.1 || p <= 0 {
		return fmt.Sprintf("%.2f", p)
	}
	return "1 in " + thousands(int(math.Round(1/p)))
}
