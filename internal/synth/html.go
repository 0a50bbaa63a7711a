package synth

import (
	"html"
	"regexp"
	"strings"
)

var bareURL = regexp.MustCompile(`https?://[^\s<>")]+`)

// html makes the HTML that a mailer writes for a typed text.
func (d *draw) html(text string) string {
	style := d.IntN(4)
	var b strings.Builder
	switch style {
	case 0:
		b.WriteString("<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body style=\"word-wrap:break-word\">")
	case 1:
		b.WriteString("<!DOCTYPE html>\n<html>\n<head>\n<style>p.MsoNormal{margin:0cm;font-size:11.0pt;font-family:\"Calibri\",sans-serif}</style>\n</head>\n<body lang=\"EN-GB\"><div class=\"WordSection1\">")
	case 2:
		b.WriteString("<div dir=\"ltr\">")
	default:
		b.WriteString("<html><body bgcolor=\"#ffffff\" text=\"#000000\">")
	}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		inner := strings.ReplaceAll(linked(html.EscapeString(paragraph)), "\n", "<br>\n")
		switch style {
		case 1:
			b.WriteString("<p class=\"MsoNormal\">" + inner + "</p>\n<p class=\"MsoNormal\">&nbsp;</p>\n")
		case 2:
			b.WriteString("<div>" + inner + "</div><div><br></div>\n")
		default:
			b.WriteString("<p>" + inner + "</p>\n")
		}
	}
	b.WriteString([]string{"</body></html>", "</div></body>\n</html>", "</div>", "</body></html>"}[style])
	return b.String()
}

// linked turns addresses in escaped text into links.
func linked(escaped string) string {
	return bareURL.ReplaceAllString(escaped, `<a href="$0">$0</a>`)
}
