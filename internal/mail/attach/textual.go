package attach

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// openText keeps text, and looks in it for addresses, codes drawn with
// characters, passwords told beside protected content, and formulas that a
// spreadsheet would run.
func (in *inspection) openText(c content, typ string) {
	text := decodeText(c.data)
	in.addText(c, strings.ToValidUTF8(string(text[:min(len(text), in.b.Limits.Text+1)]), "\ufffd"))
	urlsIn(text, func(u string, _, _ int) { in.url(c, InText, u) })
	if u, ok := QRInText(string(text[:min(len(text), 1<<16)])); ok {
		in.url(c, InQR, u)
	}
	if m := passwordHint().FindIndex(text[:min(len(text), 4096)]); m != nil {
		in.trait(c, KindPasswordHint, string(text[m[0]:m[1]]), m[0], m[1])
	}
	if typ == "csv" {
		in.csvFormulas(c, text)
	}
}

// passwordHint is a word for password in a few languages, then a value.
var passwordHint = lazyRegexp(`(?i)(?:password|passcode|passwd|mot de passe|kennwort|passwort|contrase(?:ñ|n)a|senha|has(?:ł|l)o|пароль|密码|密碼|암호|パスワード)(?:\s+(?:is|ist|est|es|for[^:\n]{0,30}))?\s*[:=：]\s*\S{2,40}`)

// csvFormulas looks for cells that a spreadsheet runs as formula and that ask a
// DDE server.
func (in *inspection) csvFormulas(c content, text []byte) {
	at := 0
	for line := range bytes.Lines(text) {
		if bytes.IndexByte(line, '|') >= 0 {
			for cell := range bytes.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' || r == '\t' || r == '"' }) {
				if m := ddeFormula().FindSubmatch(cell); m != nil && bytes.IndexByte([]byte("=+-@"), bytes.TrimSpace(cell)[0]) >= 0 {
					in.dde(c, string(m[1])+" "+string(m[2]), at, at+len(line))
				}
			}
		}
		at += len(line)
	}
}

// openScript keeps the addresses in a script and says what it reaches for.
func (in *inspection) openScript(c content) {
	text := decodeText(c.data)
	lower := bytes.ToLower(text[:min(len(text), 1<<20)])
	if words := wordsFound(lower, append([]string{"invoke-expression", "iex ", "downloadstring", "downloadfile", "frombase64string", "-enc", "activexobject", "curl ", "eval("}, vbaReach...)); len(words) > 0 {
		in.trait(c, KindScript, "uses "+strings.Join(words, ", "))
	}
	urlsIn(text, func(u string, _, _ int) { in.url(c, InText, u) })
}

// openShortcut reads an internet shortcut; its address may be a file on
// another machine, which sends the user's credentials there when shown.
func (in *inspection) openShortcut(c content) {
	at := 0
	for line := range bytes.Lines(decodeText(c.data)) {
		key, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte("="))
		switch k := strings.ToLower(string(key)); {
		case !ok:
		case k == "url" || k == "baseurl":
			in.url(c, InShortcut, string(value))
			if isRemote(string(value)) && !hasPrefixFold(value, "http") {
				in.trait(c, KindLNK, "internet shortcut to "+string(value), at, at+len(line))
			}
		case k == "iconfile" || k == "workingdirectory":
			if bytes.HasPrefix(value, []byte(`\\`)) {
				in.url(c, InShortcut, string(value))
				in.trait(c, KindLNK, "internet shortcut that loads its icon from "+string(value), at, at+len(line))
			}
		}
		at += len(line)
	}
}

// openCalendar reads an iCalendar object (RFC 5545): what it asks for, who asks,
// and where it leads.
func (in *inspection) openCalendar(c content) {
	var method, organizer string
	var links, attached, scheduled int
	for _, line := range unfold(decodeText(c.data)) {
		name, params, value := calendarLine(line)
		before := len(in.r.URLs)
		switch name {
		case "METHOD":
			method = strings.ToUpper(value)
		case "ORGANIZER":
			organizer = value
			if sent := calendarParam(params, "SENT-BY"); sent != "" && !strings.EqualFold(sent, value) {
				organizer += " sent by " + sent
			}
		case "BEGIN":
			if strings.EqualFold(value, "VEVENT") {
				scheduled++
			}
		case "ATTACH":
			attached++
			in.calendarAttachment(c, params, value)
		case "URL", "SOURCE", "IMAGE", "CONFERENCE", "X-GOOGLE-CONFERENCE":
			in.url(c, InCalendar, value)
		case "DESCRIPTION", "LOCATION", "SUMMARY", "COMMENT", "X-ALT-DESC", "CONTACT":
			text := strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
			urlsIn([]byte(text), func(u string, _, _ int) { in.url(c, InCalendar, u) })
			in.addText(c, text)
		}
		links += len(in.r.URLs) - before
	}
	if links+attached > 0 && scheduled > 0 {
		in.trait(c, KindCalendarLink, fmt.Sprintf("%s with %d addresses and %d attachments, organizer %s",
			firstOf(method, "event"), links, attached, firstOf(organizer, "not stated")))
	}
}

func (in *inspection) calendarAttachment(c content, params, value string) {
	if !strings.EqualFold(calendarParam(params, "ENCODING"), "BASE64") {
		in.url(c, InCalendar, value)
		return
	}
	if data := decodeBase64([]byte(value)); len(data) > 0 && in.b.takeMember() {
		in.member(c, firstOf(calendarParam(params, "FILENAME"), calendarParam(params, "X-FILENAME"), "attachment"), data)
	}
}

// unfold joins continued lines (RFC 5545 §3.1).
func unfold(data []byte) []string {
	var out []string
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && len(out) > 0 && len(out[len(out)-1]) < 1<<20 {
			out[len(out)-1] += string(line[1:])
			continue
		}
		if len(out) > 50_000 {
			break
		}
		out = append(out, string(line))
	}
	return out
}

// calendarLine splits name;params:value; a colon inside quotes does not count.
func calendarLine(line string) (name, params, value string) {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				name, params, _ = strings.Cut(line[:i], ";")
				return strings.ToUpper(strings.TrimSpace(name)), params, line[i+1:]
			}
		}
	}
	return "", "", ""
}

func calendarParam(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		if k, v, ok := strings.Cut(p, "="); ok && strings.EqualFold(k, name) {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// openMessage looks into an attached message: its text for addresses, its
// attachments as members. A message with its own attachments is judged in full
// elsewhere; here it must not be a way to carry something past.
func (in *inspection) openMessage(c content) {
	m, err := mail.ReadMessage(bytes.NewReader(c.data))
	if err != nil {
		urlsIn(c.data, func(u string, _, _ int) { in.url(c, InEML, u) })
		in.incomplete("%s: attached message cannot be parsed (%s), searched as text", c.label(), printable(err.Error(), 100))
		return
	}
	in.messagePart(c, mimeHeader(m.Header), m.Body, 0)
}

// mimeHeader is what of a header the walk needs.
func mimeHeader(h map[string][]string) func(string) string {
	return func(key string) string {
		if v := h[key]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
}

func (in *inspection) messagePart(c content, header func(string) string, body io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil && media == "" {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") && params["boundary"] != "" && depth < 20 {
		in.messageParts(c, multipart.NewReader(body, params["boundary"]), depth)
		return
	}
	data, err := in.readUpTo(transferDecoded(header("Content-Transfer-Encoding"), body), min(int64(in.b.Limits.Bytes), max(in.b.expand, 0)))
	_, disposition, _ := mime.ParseMediaType(header("Content-Disposition"))
	name := firstOf(disposition["filename"], params["name"])
	if err != nil {
		in.unpackFailed(c, firstOf(name, media), err)
	}
	if name == "" && strings.HasPrefix(media, "text/") {
		urlsIn(data, func(u string, _, _ int) { in.url(c, InEML, u) })
		return
	}
	if !in.b.takeMember() {
		in.outOfMembers(c)
		return
	}
	in.member(c, firstOf(name, media), data)
}

func (in *inspection) messageParts(c content, r *multipart.Reader, depth int) {
	for n := 0; ; n++ {
		p, err := r.NextRawPart()
		if err != nil {
			if err != io.EOF {
				in.incomplete("%s: attached message is cut off: %s", c.label(), printable(err.Error(), 100))
			}
			return
		}
		if n >= in.b.Limits.Members {
			in.outOfMembers(c)
			return
		}
		in.messagePart(c, mimeHeader(p.Header), p, depth+1)
	}
}

func transferDecoded(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return &lenientBase64{r: r}
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// lenientBase64 decodes as mail programs do, ignoring what does not belong.
type lenientBase64 struct {
	r    io.Reader
	out  []byte
	done bool
}

func (l *lenientBase64) Read(p []byte) (int, error) {
	if !l.done {
		l.done = true
		raw, err := io.ReadAll(io.LimitReader(l.r, 64<<20))
		l.out = decodeBase64(raw)
		if err != nil && len(l.out) == 0 {
			return 0, err
		}
	}
	if len(l.out) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}
