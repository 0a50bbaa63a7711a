package mail

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
)

// What a sender can vary who has read the rule: where the token of each reader
// stands, who seems to send, how the text and the days differ. The cases below
// vary one thing at a time, from the sender's own domain, signed as far as
// anybody can tell here, with a way to unsubscribe. harmless holds what looks the
// same and is not.

// dispatch is one mailing, written to its readers one after the other.
type dispatch struct {
	name    string
	readers int
	from    func(i int) string // default: the desk of the domain below
	carrier string             // envelope's domain, default the sender's
	text    func(i int) string
	html    func(i int) string // with links and pictures
	gap     time.Duration      // between two copies, default ten minutes
	groomed int                // harmless issues beforehand, three weeks apart, to the same readers
	known   bool               // a reader wrote to the sender before
	extra   string             // header fields
}

const evader = "harbour-review.example"

func evasionPeople() string {
	var b strings.Builder
	names := []string{"Anna Keller", "Björn Lindqvist", "Chiara Moretti", "Daniel Okafor", "Eva Novotná", "Farid Haddad", "Greta Holm", "Hugo Marchetti", "Ines Carvalho", "Jonas Weber", "Katya Orlova", "Liam Byrne"}
	for i, name := range names {
		fmt.Fprintf(&b, "[[person]]\nname = %q\naddresses = [\"m%02d@parliament.example\"]\ntopics = [%q]\n", name, i, []string{"fisheries", "transport", "culture"}[i%3])
	}
	return b.String() + "[[organisation]]\nname = \"Parliament of Somewhere\"\nown = true\ndomains = [\"parliament.example\"]\n" +
		"[[organisation]]\nname = \"Morning Ledger\"\nkind = \"outlet\"\ndomains = [\"morningledger.example\"]\n"
}

func token(i int) string { return fmt.Sprintf("%x", 0x7c3f91+i*0x3a7b13) }

const evasionText = "The committee will look at the side letters to the port contract on Tuesday. We publish tomorrow what they say about members of your parliament, and as a courtesy let those who are named read the passages first."

func linked(url func(i int) string) func(i int) string {
	return func(i int) string {
		return `<p>` + evasionText + `</p><p><a href="` + url(i) + `">Read the passages</a></p>`
	}
}

func pixel(url func(i int) string) func(i int) string {
	return func(i int) string {
		return `<p>` + evasionText + `</p><p><a href="https://` + evader + `/port-letters">Read the passages</a></p><img src="` + url(i) + `" width="1" height="1">`
	}
}

func tokenLink(i int) string { return "https://" + evader + "/r/" + token(i) }

// dispatched runs a dispatch through judging and comparing.
func dispatched(t *testing.T, d dispatch) (loudest portcullis.Finding, seen bool) {
	t.Helper()
	w := newMemory(t, evasionPeople(), "mx.parliament.example")
	start := time.Date(2025, 3, 4, 9, 0, 0, 0, time.UTC)
	if d.known {
		raw := "From: m00@parliament.example\r\nTo: desk@" + evader + "\r\nSubject: Your letter\r\nMessage-ID: <q@parliament.example>\r\n\r\nThank you for the invitation, I shall come.\r\n"
		w.look([]byte(raw), "reply", start.AddDate(0, -1, 0))
	}
	for issue := range d.groomed {
		when := start.AddDate(0, 0, -21*(d.groomed-issue))
		for i := range d.readers {
			words := []string{"fish", "rail", "theatre", "school", "court", "river", "budget", "bridge"}
			body := "<p>" + strings.Repeat(words[issue%8]+" news from "+words[(issue+3)%8]+" desk. ", 6) + `</p><p><a href="https://` + evader + "/issue/" + itoa(issue) + `">All of it</a></p>`
			w.look(d.write(i, "", body, fmt.Sprintf("groom%d", issue)), fmt.Sprintf("groom-%d-%d", issue, i), when.Add(time.Duration(i)*time.Minute))
		}
	}
	gap := d.gap
	if gap == 0 {
		gap = 10 * time.Minute
	}
	for i := range d.readers {
		text := ""
		if d.text != nil {
			text = d.text(i)
		}
		body := ""
		if d.html != nil {
			body = d.html(i)
		}
		w.look(d.write(i, text, body, "now"), fmt.Sprintf("copy-%d", i), start.Add(time.Duration(i)*gap))
	}
	for _, g := range w.groups {
		for _, f := range w.judge.Compare("g", copiesOf(g)) {
			if !seen || f.Severity > loudest.Severity {
				loudest, seen = f, true
			}
		}
	}
	return loudest, seen
}

func (d dispatch) write(i int, text, html, issue string) []byte {
	from := "Harbour Review <desk@" + evader + ">"
	if d.from != nil {
		from = d.from(i)
	}
	domain := strings.TrimSuffix(from[strings.LastIndexByte(from, '@')+1:], ">")
	carrier := d.carrier
	if carrier == "" {
		carrier = domain
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Return-Path: <bounce@%s>\r\nDelivered-To: m%02d@parliament.example\r\nFrom: %s\r\nTo: m%02d@parliament.example\r\nSubject: Side letters\r\nMessage-ID: <%s.%d@%s>\r\n", carrier, i, from, i, issue, i, domain)
	fmt.Fprintf(&b, "List-Unsubscribe: <https://%s/u/%s>\r\n%sMIME-Version: 1.0\r\n", domain, token(i), d.extra)
	if html == "" {
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", text)
	} else {
		fmt.Fprintf(&b, "Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>%s</body></html>\r\n", html)
	}
	return []byte(b.String())
}

var evasions = []dispatch{
	{name: "pixel", readers: 2, html: pixel(func(i int) string { return "https://" + evader + "/o/" + token(i) + ".gif" })},
	{name: "token in path", readers: 2, html: linked(tokenLink)},
	{name: "token in query", readers: 3, html: linked(func(i int) string { return "https://" + evader + "/port?edition=2&r=" + token(i) })},
	{name: "token in fragment", readers: 3, html: linked(func(i int) string { return "https://" + evader + "/port#" + token(i) })},
	{name: "token in subdomain", readers: 3, html: linked(func(i int) string { return "https://" + token(i) + "." + evader + "/port" })},
	{name: "address in base64", readers: 3, html: linked(func(i int) string {
		return "https://" + evader + "/port/" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "m%02d@parliament.example", i))
	})},
	{name: "a domain for each", readers: 4, html: linked(func(i int) string {
		return "https://" + []string{"quay", "mole", "pier", "dock"}[i] + "-papers.example/port"
	})},
	{name: "a picture domain for each", readers: 2, html: pixel(func(i int) string { return "https://" + []string{"quay", "mole"}[i] + "-papers.example/o.gif" })},
	{name: "plain text", readers: 2, text: func(i int) string { return evasionText + "\n\n" + tokenLink(i) }},
	{name: "a dozen words", readers: 3, text: func(i int) string {
		return "Good morning, the draft that mentions you is here: " + tokenLink(i) + "\nKind regards, the desk"
	}},
	{name: "all elsewhere", readers: 3, html: func(i int) string {
		return linked(func(i int) string { return "https://reader-stats.test/r/" + token(i) })(i) + `<img src="https://reader-stats.test/o/` + token(i) + `" width="1" height="1">`
	}},
	{name: "all elsewhere, groomed", readers: 4, groomed: 6, html: func(i int) string {
		return linked(func(i int) string { return "https://reader-stats.test/r/" + token(i) })(i) + `<img src="https://reader-stats.test/o/` + token(i) + `" width="1" height="1">`
	}},
	{name: "groomed", readers: 4, groomed: 10, html: linked(tokenLink)},
	{name: "groomed for long, pixel", readers: 6, groomed: 16, html: pixel(func(i int) string { return "https://" + evader + "/o/" + token(i) + ".gif" })},
	{name: "a pixel elsewhere, links to the true outlet", readers: 3, html: func(i int) string {
		return `<p>` + evasionText + `</p><a href="https://morningledger.example/port">Morning Ledger</a><img src="https://reader-stats.test/o/` + token(i) + `" width="1" height="1">`
	}},
	{name: "named picture", readers: 3, html: func(i int) string {
		return `<p>` + evasionText + `</p><img src="https://` + evader + `/head-` + token(i) + `.jpg" width="600" height="120">`
	}},
	{name: "pictures only", readers: 3, html: func(i int) string {
		return `<a href="https://` + evader + `/a"><img src="https://` + evader + `/page-` + token(i) + `.png" width="600" height="800"></a>`
	}},
	{name: "two days between", readers: 6, gap: 47 * time.Hour, html: linked(tokenLink)},
	{name: "three days between", readers: 5, gap: 73 * time.Hour, html: linked(tokenLink)},
	{name: "addresses in turn, groomed", readers: 5, groomed: 4, from: func(i int) string { return fmt.Sprintf("Harbour Review <desk%d@%s>", i, evader) }, html: linked(tokenLink)},
	{name: "a link among others", readers: 3, html: func(i int) string {
		return `<p><a href="https://` + evader + `/r/` + token(i) + `">Read the passages</a></p><p>` + evasionText + `</p><p><a href="https://` + evader + `/about">About us</a> <a href="https://` + evader + `/privacy">Privacy</a> <a href="https://` + evader + `/imprint">Imprint</a></p>`
	}},
	{name: "half the readers behind a gateway", readers: 6, html: func(i int) string {
		if i%2 == 0 {
			return linked(func(i int) string {
				return "https://protect-eu.mimecast.com/s/" + token(i*7) + token(i) + "?domain=" + evader
			})(i)
		}
		return linked(tokenLink)(i)
	}},
	{name: "half the readers behind a silent gateway", readers: 6, html: func(i int) string {
		if i%2 == 0 {
			return linked(func(i int) string { return "https://protect-eu.mimecast.com/s/" + token(i*7) + token(i) })(i)
		}
		return linked(tokenLink)(i)
	}},
	{name: "a greeting and the name throughout", readers: 4, html: func(i int) string {
		name := []string{"Anna Keller", "Björn Lindqvist", "Chiara Moretti", "Daniel Okafor"}[i]
		return "<p>Dear " + name + ",</p>" + linked(tokenLink)(i) + "<p>We count on you, " + name + ".</p>"
	}},
	{name: "wording in turn", readers: 4, html: func(i int) string {
		opening := []string{"I hope this finds you well after the long debate.", "After last week's vote we thought of you at once.", "You may remember our reporter from the hearing.", "Allow me to be brief on a busy day."}[i]
		closing := []string{"Call me before noon.", "We close the page at six.", "Any remark is welcome until evening.", "With regards from the desk."}[i]
		return "<p>" + opening + "</p>" + linked(tokenLink)(i) + "<p>" + closing + "</p>"
	}},
	{name: "a copy every week, a host for each", readers: 5, gap: 7 * 24 * time.Hour, html: linked(func(i int) string { return "https://" + token(i) + "." + evader + "/port" })},
	{name: "a copy every week, fonts", readers: 5, gap: 7 * 24 * time.Hour, html: func(i int) string {
		return `<style>@font-face{font-family:H;src:url(https://` + evader + `/f/` + token(i) + `.woff2)}</style>` + linked(tokenLink)(i)
	}},
}

var harmless = []dispatch{
	{name: "the same for all", readers: 5, html: linked(func(int) string { return "https://" + evader + "/port" })},
	{name: "rewritten by a silent gateway", readers: 4, html: linked(func(i int) string { return "https://protect-eu.mimecast.com/s/" + token(i*7) + token(i) })},
	{name: "a mailing service", readers: 5, carrier: "mcsv.net", html: func(i int) string {
		return linked(func(i int) string { return "https://club.us1.list-manage.com/track/click?u=1&e=" + token(i) })(i) + `<img src="https://club.us1.list-manage.com/track/open.php?e=` + token(i) + `" width="1" height="1">`
	}},
	{name: "a page of another site for each", readers: 4, html: func(i int) string {
		return `<p>A member of your circle has shared a page with you that you may want to read today.</p><p><a href="https://` + []string{"quay.example/a/rail-news", "mole.example/2025/03/fish", "pier.test/", "dock.test/theatre?id=7"}[i] + `">Open</a></p>`
	}},
	{name: "a way to leave", readers: 5, html: func(i int) string {
		return `<p>` + evasionText + `</p><p><a href="https://` + evader + `/port">Port</a> <a href="https://` + evader + `/rail">Rail</a></p><p><a href="https://` + evader + `/leave/` + token(i) + `">Unsubscribe</a></p>`
	}},
	{name: "known to a reader", readers: 3, known: true, html: linked(tokenLink)},
	{name: "welcome letters over weeks", readers: 5, gap: 5 * 24 * time.Hour, html: func(i int) string {
		return `<p>Please confirm your address to use the library's reading room. The link is good for a day.</p><p><a href="` + tokenLink(i) + `">Confirm</a></p><img src="https://` + evader + `/o/` + token(i) + `.gif" width="1" height="1">`
	}},
}

func TestEvasions(t *testing.T) {
	for _, d := range evasions {
		t.Run(d.name, func(t *testing.T) {
			f, seen := dispatched(t, d)
			if !seen || f.Severity <= portcullis.Informational {
				t.Errorf("seen %v: %s", seen, f.Summary)
			} else if os.Getenv("PORTCULLIS_TEST_VERBOSE") != "" {
				t.Logf("%s", f.Summary)
			}
		})
	}
}

func TestHarmlessDispatches(t *testing.T) {
	for _, d := range harmless {
		t.Run(d.name, func(t *testing.T) {
			f, seen := dispatched(t, d)
			if f.Severity > portcullis.Informational {
				t.Errorf("alarm: %s", f.Summary)
			} else if os.Getenv("PORTCULLIS_TEST_VERBOSE") != "" {
				t.Logf("%v %s", seen, f.Summary)
			}
		})
	}
}
