package response

import (
	"strings"
)

// Markdown is the document in CommonMark 0.31. Every character that could mean something
// is escaped (§2.4), so a text shows as it is; links do not arise, for URLs are defanged.
func (d Document) Markdown() []byte {
	var b strings.Builder
	b.WriteString("# " + escapeMarkdown(d.Title) + "\n\n")
	for _, m := range d.Marks {
		b.WriteString("> **" + escapeMarkdown(m) + "**\n\n")
	}
	paragraph(&b, d.Lead, escapeMarkdown)
	for _, s := range d.Sections {
		b.WriteString("## " + escapeMarkdown(s.Heading) + "\n\n")
		s.write(&b, escapeMarkdown)
	}
	b.WriteString("---\n\n" + escapeMarkdown(d.Foot) + "\n")
	return []byte(b.String())
}

// Text is the document as plain text in lines of at most 72 characters, for mail
// (RFC 5322 §2.1.1 asks for 78) and for the terminal.
func (d Document) Text() string {
	var b strings.Builder
	for _, m := range d.Marks {
		paragraph(&b, "*** "+m, fold)
	}
	paragraph(&b, strings.ToUpper(d.Title), fold)
	paragraph(&b, d.Lead, fold)
	for _, s := range d.Sections {
		b.WriteString(fold(s.Heading) + "\n" + strings.Repeat("-", min(len([]rune(s.Heading)), lineWidth)) + "\n")
		s.write(&b, fold)
	}
	b.WriteString("--- \n" + fold(d.Foot) + "\n")
	return b.String()
}

func (s Section) write(b *strings.Builder, form func(string) string) {
	for _, t := range s.Text {
		paragraph(b, t, form)
	}
	for _, item := range s.Items {
		b.WriteString("- " + strings.ReplaceAll(form(item), "\n", "\n  ") + "\n")
	}
	if len(s.Items) > 0 {
		b.WriteByte('\n')
	}
}

func paragraph(b *strings.Builder, text string, form func(string) string) {
	if text != "" {
		b.WriteString(form(text) + "\n\n")
	}
}

// markdownMeans are the ASCII characters that CommonMark gives a meaning to.
const markdownMeans = "\\`*_{}[]()<>#+-.!|~&=:\"'$^@/%"

func escapeMarkdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '-' || r == '.' || r == '(' || r == ')' || r == '\'' || r == ':' || r == '/' || r == '"' || r == '%' || r == '@' || r == '=' || r == '+' {
			b.WriteRune(r) // mean something at the beginning of a line only, which is seen to below
			continue
		}
		if r < 0x80 && strings.ContainsRune(markdownMeans, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return escapeStart(b.String())
}

// escapeStart escapes what makes a list or a rule at the beginning of a line: "-", "+",
// "=", and a number with a full stop or a bracket.
func escapeStart(line string) string {
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	switch {
	case line == "":
	case strings.ContainsRune("-+=:", rune(line[0])):
		return `\` + line
	case digits > 0 && digits < len(line) && (line[digits] == '.' || line[digits] == ')'):
		return line[:digits] + `\` + line[digits:]
	}
	return line
}

const lineWidth = 72

// fold breaks a text into lines.
func fold(text string) string {
	var b strings.Builder
	width := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		if i > 0 && width+1+n > lineWidth-2 {
			b.WriteByte('\n')
			width = 0
		} else if i > 0 {
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	return b.String()
}
