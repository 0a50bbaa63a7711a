package synth

import (
	"embed"
	"fmt"
	"strings"
	"time"
)

//go:embed text
var texts embed.FS

// template is one text with slots in braces.
type template struct {
	lang, kind    string
	subject, body string
}

// readTemplates parses text/NAME.txt: blocks that begin with "## language kind",
// an optional line "Subject: …", and the text. Lines with # before the first
// block are remarks. The files are part of the program, so an unreadable one is
// a mistake that the tests find; it yields no templates.
func readTemplates(name string) []template {
	data, err := texts.ReadFile("text/" + name + ".txt")
	if err != nil {
		return nil
	}
	var out []template
	for block := range strings.SplitSeq("\n"+string(data), "\n## ") {
		head, body, _ := strings.Cut(block, "\n")
		fields := strings.Fields(head)
		if len(fields) == 0 || strings.HasPrefix(block, "\n") || strings.HasPrefix(head, "#") {
			continue
		}
		t := template{lang: fields[0], body: strings.TrimSpace(body)}
		if len(fields) > 1 {
			t.kind = fields[1]
		}
		if rest, ok := strings.CutPrefix(t.body, "Subject: "); ok {
			t.subject, t.body, _ = strings.Cut(rest, "\n")
		}
		out = append(out, t)
	}
	return out
}

// pool is what is left of a file for one language and kind. An unknown
// language falls back to English.
func pool(list []template, lang, kind string) []template {
	var out, english []template
	for _, t := range list {
		if kind != "" && t.kind != kind {
			continue
		}
		if t.lang == lang {
			out = append(out, t)
		}
		if t.lang == "en" {
			english = append(english, t)
		}
	}
	if len(out) < 2 {
		return english
	}
	return out
}

// template picks from the seed's own half of a pool.
func (d *draw) template(name, lang, kind string) template {
	return own(d, pool(d.templates(name), lang, kind))
}

// templates is a file, parsed once per generator call.
func (d *draw) templates(name string) []template {
	if d.read[name] == nil {
		d.read[name] = readTemplates(name)
	}
	return d.read[name]
}

// slots are what a template is filled with: pairs of "{slot}" and value.
type slots []string

func (s slots) fill(text string) string {
	return strings.NewReplacer(s...).Replace(text)
}

// fill gives subject and body, both in the same words.
func (s slots) template(t template) (subject, body string) {
	return s.fill(t.subject), s.fill(t.body)
}

// occasion are the slots that have nothing to do with people.
func (d *draw) occasion(lang string, when time.Time) slots {
	return slots{
		"{topic}", topicIn(one(d, topicKeys()), lang),
		"{committee}", one(d, committees),
		"{date}", shortDate(lang, when.AddDate(0, 0, d.between(2, 20))),
		"{time}", fmt.Sprintf("%d:%02d", d.between(9, 19), 15*d.IntN(4)),
		"{num}", fmt.Sprint(d.between(2, 38)),
		"{month}", when.Format("2006-01"),
	}
}

// shortDate writes a day as people of the language do.
func shortDate(lang string, t time.Time) string {
	switch lang {
	case "en":
		return t.Format("2 January")
	case "zh":
		return t.Format("1月2日")
	case "fr", "es", "it":
		return t.Format("02/01/2006")
	case "nl":
		return t.Format("2-1-2006")
	default:
		return t.Format("2.1.2006")
	}
}

// personal are the slots for the two people of a letter.
func personal(to, from string) slots {
	first, last := to, to
	if i := strings.LastIndexByte(to, ' '); i > 0 {
		last = to[i+1:]
		first, _, _ = strings.Cut(to, " ")
	}
	return slots{"{to}", to, "{first}", first, "{last}", last, "{sign}", from}
}

// letterText puts greeting and closing around a body.
func (d *draw) letterText(lang, body string, s slots) string {
	greeting := s.fill(d.template("phrases", lang, "greeting").body)
	closing := s.fill(d.template("phrases", lang, "closing").body)
	return greeting + "\n\n" + body + "\n\n" + closing
}
