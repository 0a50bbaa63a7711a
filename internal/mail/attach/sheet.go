package attach

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// maxStrings bounds the shared strings of one workbook.
const maxStrings = 500_000

// sheetText writes the cells of a workbook as lines of tab-separated values, so
// that a register kept in a spreadsheet reads like one kept in a CSV file. Dates
// are written as dates: a birth date stored as 31234 would not be seen as one.
func (in *inspection) sheetText(z *container) {
	var strs []string
	var dates []bool
	if f := z.find("xl/sharedStrings.xml"); f != nil {
		if data, _ := in.readZip(f); len(data) > 0 {
			strs = sharedStrings(data)
		}
	}
	if f := z.find("xl/styles.xml"); f != nil {
		if data, _ := in.readZip(f); len(data) > 0 {
			dates = dateStyles(data)
		}
	}
	for _, f := range z.files {
		if !strings.HasPrefix(strings.ToLower(f.Name), "xl/worksheets/") || !strings.HasSuffix(f.Name, ".xml") {
			continue
		}
		data, err := in.readZip(f)
		c := z.inside(f.Name, data)
		s := sheetReader{in: in, c: c, strs: strs, dates: dates}
		tags(data, s.tag)
		if err != nil {
			in.unpackFailed(z.content, f.Name, err)
		}
		if !in.addText(c, strings.TrimSpace(s.out.String())) {
			return
		}
	}
}

// sharedStrings reads the table that cells of type "s" point into (ECMA-376 part 1 §18.4).
func sharedStrings(data []byte) []string {
	var out []string
	var item strings.Builder
	inText := false
	tags(data, func(t tag, text []byte) bool {
		if inText {
			item.WriteString(unescape(text))
		}
		inText = t.is("t") && !t.closing && !t.selfClosing
		if t.is("si") && (t.closing || t.selfClosing) {
			out = append(out, item.String())
			item.Reset()
		}
		return len(out) < maxStrings
	})
	return out
}

// dateFormat matches number formats with day, month or year in them, quoted
// text and colours left out (ECMA-376 part 1 §18.8.31).
var dateFormat = lazyRegexp(`(?i)(^|[^a-z\\])(d{1,4}|y{2,4}|m{3,4})([^a-z]|$)`)
var quotedFormat = lazyRegexp(`"[^"]*"|\[[^\]]*\]`)

// dateStyles tells for each cell style whether it shows numbers as dates.
func dateStyles(data []byte) []bool {
	custom := map[string]bool{}
	var out []bool
	inXfs := false
	tags(data, func(t tag, _ []byte) bool {
		switch string(t.name) {
		case "numFmt":
			code := quotedFormat().ReplaceAllString(t.attr("formatCode"), "")
			custom[t.attr("numFmtId")] = dateFormat().MatchString(code)
		case "cellXfs":
			inXfs = !t.closing
		case "xf":
			if inXfs && !t.closing {
				id := t.attr("numFmtId")
				n, _ := strconv.Atoi(id)
				out = append(out, custom[id] || n >= 14 && n <= 17 || n == 22 || n >= 27 && n <= 36 || n >= 50 && n <= 58)
			}
		}
		return len(out) < 70_000
	})
	return out
}

type sheetReader struct {
	in      *inspection
	c       content
	strs    []string
	dates   []bool
	out     bytes.Buffer
	kind    string // t attribute of the cell
	style   int
	cells   int
	inValue bool
	inForm  bool
}

func (s *sheetReader) tag(t tag, text []byte) bool {
	if s.inValue {
		s.out.WriteString(s.value(text))
	}
	if s.inForm {
		s.formula(unescape(text), t)
	}
	s.inValue, s.inForm = false, false
	switch string(t.name) {
	case "row":
		if t.closing {
			s.out.WriteByte('\n')
			s.cells = 0
		}
	case "c":
		if !t.closing {
			if s.cells > 0 {
				s.out.WriteByte('\t')
			}
			s.cells++
			s.kind = t.attr("t")
			s.style, _ = strconv.Atoi(t.attr("s"))
		}
	case "v", "t":
		s.inValue = !t.closing && !t.selfClosing
	case "f":
		s.inForm = !t.closing && !t.selfClosing
	}
	return s.out.Len() < s.in.b.Limits.Text
}

func (s *sheetReader) value(text []byte) string {
	switch s.kind {
	case "s":
		if i, err := strconv.Atoi(string(text)); err == nil && i >= 0 && i < len(s.strs) {
			return s.strs[i]
		}
		return ""
	case "", "n":
		if s.style >= 0 && s.style < len(s.dates) && s.dates[s.style] {
			return serialDate(string(text))
		}
	}
	return unescape(text)
}

// serialDate writes Excel's count of days as a date. Day 60 is 29 February 1900,
// which never was; dates before it are off by one and do not matter here.
func serialDate(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 1 || f > 2_958_465 {
		return s
	}
	return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(f)).Format(time.DateOnly)
}

// ddeFormula is a cell that asks a DDE server: service|topic!item.
var ddeFormula = lazyRegexp(`(?i)^\s*[=+\-@]?\s*'?([a-z][a-z0-9_.]{1,40})\|'?([^!]{1,300})!`)

func (s *sheetReader) formula(f string, t tag) {
	if m := ddeFormula().FindStringSubmatch(f); m != nil {
		s.in.dde(s.c, m[1]+" "+m[2], t.start, t.end)
	}
	if strings.Contains(f, "://") {
		urlsIn([]byte(f), func(u string, _, _ int) { s.in.url(s.c, InField, u) })
	}
}

// openODF reads an OpenDocument package: scripts, links, objects, text.
func (in *inspection) openODF(z *container, typ string) {
	for _, f := range z.files {
		name := strings.ToLower(f.Name)
		switch {
		case strings.HasPrefix(name, "basic/") && strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, "-lc.xml") && !strings.HasSuffix(name, "-lb.xml"),
			strings.HasPrefix(name, "scripts/") && !strings.HasSuffix(name, "/"):
			in.trait(z.inside(f.Name, nil), KindMacro, "OpenDocument macro")
		case name == "meta-inf/manifest.xml":
			if data, _ := in.readZip(f); bytes.Contains(data, []byte("encryption-data")) {
				in.r.Encrypted = true
				in.trait(z.content, KindEncryptedDocument, "OpenDocument, encrypted")
				return
			}
		}
	}
	f := z.find("content.xml")
	data, err := in.readZip(f)
	if err != nil {
		in.unpackFailed(z.content, f.Name, err)
	}
	in.odfContent(z.inside(f.Name, data), data)
}

func (in *inspection) odfContent(c content, data []byte) {
	var out bytes.Buffer
	tags(data, func(t tag, text []byte) bool {
		if len(text) > 0 {
			out.WriteString(unescape(text))
		}
		switch string(t.name) {
		case "p", "h", "table-row":
			if t.closing {
				out.WriteByte('\n')
			}
		case "table-cell":
			if t.closing || t.selfClosing {
				trimNewline(&out)
				out.WriteByte('\t')
			}
		case "event-listener":
			in.trait(c, KindMacro, "event "+t.attr("event-name")+" runs "+t.attr("href"), t.start, t.end)
		case "dde-source", "dde-connection-decl":
			in.dde(c, t.attr("dde-application")+" "+t.attr("dde-topic"), t.start, t.end)
		}
		if href := t.attr("href"); href != "" && !t.closing {
			in.url(c, InRelationship, href)
		}
		return out.Len() < in.b.Limits.Text
	})
	in.addText(c, strings.TrimSpace(out.String()))
}

func trimNewline(b *bytes.Buffer) {
	for b.Len() > 0 && b.Bytes()[b.Len()-1] == '\n' {
		b.Truncate(b.Len() - 1)
	}
}
