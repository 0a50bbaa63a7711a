package synth

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// mailing is one issue of something that is sent to several people.
type mailing struct {
	from, replyTo  box
	envelope       string
	subject, intro string
	personalSubject,
	personalGreeting,
	shuffled bool
	lang        string
	items       []item
	tracking    *tracking // nil: the same for everybody
	unsubscribe string    // base URL; empty if there is none
	sign        string
	auth        outcome
	style       int
	footer      string
	mailer      string
}

// item is an article with its link.
type item struct{ headline, teaser, path string }

// items draws articles.
func (d *draw) items(lang string, n int, when time.Time) []item {
	var out []item
	for _, t := range some(d, ownAll(d, pool(d.templates("articles"), lang, "")), n) {
		headline, teaser := d.occasion(lang, when).template(t)
		out = append(out, item{headline, teaser, when.Format("2006/01/02/") + d.slug()})
	}
	return out
}

// slug is the last part of an article's address, the same for all.
func (d *draw) slug() string {
	words := []string{"port", "contract", "papers", "hearing", "vote", "report", "inquiry", "visit", "budget", "court", "exile", "letters", "rail", "season"}
	return strings.Join(some(d, words, 3), "-") + "-" + d.letters("0123456789", 5)
}

// copyFor is the mailing as one reader gets it. wrapper rewrites the links of this
// copy; "" leaves them.
func (m *mailing) copyFor(d *draw, name, addr, wrapper string, when time.Time) letter {
	l := letter{
		from: m.from, replyTo: m.replyTo, envelope: m.envelope, subject: m.subject, when: when, lang: m.lang,
		to: []box{{name, addr}}, mailer: m.mailer, sign: m.sign, auth: m.auth, rewritten: wrapper != "",
	}
	first, _, _ := strings.Cut(name, " ")
	if m.personalSubject {
		l.subject = first + ", " + m.subject
	}
	items := m.items
	if m.shuffled {
		items = some(d, items, len(items))
	}
	greeting := ""
	if m.personalGreeting {
		greeting = personal(name, "").fill(d.template("phrases", m.lang, "greeting").body)
	}
	link := func(path string) string {
		plain := "https://" + m.from.domain() + "/" + path
		if m.tracking != nil {
			plain = m.tracking.url(addr, path)
		}
		return d.wrap(wrapper, plain, addr)
	}
	l.html = m.page(greeting, items, link, addr)
	l.text = m.plain(greeting, items, link)
	if m.unsubscribe != "" {
		base := m.unsubscribe + "/u/" + shortHash(m.envelope+addr)
		l.extra = append(l.extra, "List-Unsubscribe: <"+base+">, <mailto:unsubscribe@"+m.from.domain()+">", "List-Unsubscribe-Post: List-Unsubscribe=One-Click")
		l.html = strings.Replace(l.html, "{unsubscribe}", `<a href="`+base+`">Unsubscribe</a>`, 1)
	}
	l.html = strings.Replace(l.html, "{unsubscribe}", "", 1)
	if m.tracking != nil && strings.Contains(strings.Join(m.tracking.techniques, " "), "receipt") {
		l.extra = append(l.extra, receiptFields(m.from.addr)...)
	}
	return l
}

// page is the HTML. Four layouts; remote content goes where its technique has it.
func (m *mailing) page(greeting string, items []item, link func(string) string, addr string) string {
	var head, top, bottom string
	if m.tracking != nil {
		for i, t := range m.tracking.techniques {
			h, b := m.tracking.hidden(t, addr)
			head += h
			if i%2 == 0 {
				bottom += b
			} else {
				top += b
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>%s</head>\n<body>%s\n", m.lang, html.EscapeString(m.subject), head, top)
	b.WriteString([]string{"<table width=\"600\" align=\"center\"><tr><td>", "<div style=\"max-width:640px;margin:auto;font-family:Georgia,serif\">", "<center><table class=\"wrapper\"><tr><td>", ""}[m.style])
	if greeting != "" {
		b.WriteString("<p>" + html.EscapeString(greeting) + "</p>\n")
	}
	b.WriteString("<p>" + html.EscapeString(m.intro) + "</p>\n")
	for _, it := range items {
		fmt.Fprintf(&b, "<h2><a href=\"%s\">%s</a></h2>\n<p>%s</p>\n", html.EscapeString(link(it.path)), html.EscapeString(it.headline), html.EscapeString(it.teaser))
	}
	if m.footer != "" {
		b.WriteString("<p style=\"font-size:11px;color:#777\">" + html.EscapeString(m.footer) + " {unsubscribe}</p>\n")
	}
	b.WriteString([]string{"</td></tr></table>", "</div>", "</td></tr></table></center>", ""}[m.style] + bottom + "\n</body></html>")
	return b.String()
}

func (m *mailing) plain(greeting string, items []item, link func(string) string) string {
	lines := []string{}
	if greeting != "" {
		lines = append(lines, greeting)
	}
	lines = append(lines, m.intro)
	for _, it := range items {
		lines = append(lines, it.headline+"\n"+it.teaser+"\n"+link(it.path))
	}
	return strings.Join(append(lines, m.footer), "\n\n")
}

func shortHash(s string) string {
	t := tracking{secret: "list"}
	return t.token(s, "")
}
