package source

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"portcullis.example/portcullis/internal/mail/tnef"
)

// invented is a .msg under construction.
type invented struct {
	c      cfb
	prefix string
	fixed  []byte
	header int
}

func newMSG() *invented { return &invented{c: cfb{}, header: headerBytesMessage} }

// below begins a recipient, attachment or embedded message.
func (m *invented) below(name string, header int) *invented {
	return &invented{c: m.c, prefix: m.prefix + name + "/", header: header}
}

func (m *invented) stream(id, typ uint32, b []byte) *invented {
	m.c[m.prefix+substreamName(id<<16|typ)] = b
	return m
}

func (m *invented) unicode(id uint32, s string) *invented {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return m.stream(id, typeString, b)
}

func (m *invented) value(id, typ uint32, v uint64) *invented {
	m.fixed = binary.LittleEndian.AppendUint32(m.fixed, id<<16|typ)
	m.fixed = binary.LittleEndian.AppendUint32(m.fixed, 6)
	m.fixed = binary.LittleEndian.AppendUint64(m.fixed, v)
	return m
}

func (m *invented) time(id uint32, t time.Time) *invented {
	return m.value(id, typeTime, uint64((t.Unix()+filetimeEpoch)*1e7))
}

// close writes the fixed properties.
func (m *invented) close() *invented {
	m.c[m.prefix+propertiesStream] = append(make([]byte, m.header), m.fixed...)
	return m
}

func (m *invented) person(n, kind int, name, addr string) *invented {
	m.below(fmt.Sprintf("%s#%08X", recipientPrefix, n), headerBytesSub).
		unicode(propDisplayName, name).unicode(propSMTPAddress, addr).value(propRecipientType, typeInteger, uint64(kind)).close()
	return m
}

func (m *invented) attach(n int) *invented {
	return m.below(fmt.Sprintf("%s#%08X", attachmentPrefix, n), headerBytesSub)
}

var sent = time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC)

func inventUnicode() *invented {
	m := newMSG().unicode(propMessageClass, "IPM.Note").unicode(propSubject, "Grüße aus dem Büro").
		unicode(propRepresentingName, "Renée \"R\" Example").unicode(propRepresentingSMTP, "renee@example.org").
		unicode(propSenderName, "Delegate").unicode(propSenderMail, "delegate@example.org").unicode(propSenderType, "SMTP").
		unicode(propMessageID, "<1@example.org>").unicode(propInReplyTo, "<0@example.org>\r\nBcc: x@example.net").
		unicode(propBody, "Guten Tag,\r\nsiehe Anhang.\r\n").stream(propHTML, typeBinary, []byte("<p>Guten Tag <img src=\"cid:logo@x\"></p>")).
		value(propInternetCodepage, typeInteger, cpUTF8).time(propClientSubmitTime, sent).time(propDeliveryTime, sent.Add(time.Minute))
	m.person(0, 1, "Bob", "bob@example.com").person(1, 2, "Čeněk, the second", "c@example.com").person(2, 3, "", "secret@example.com")
	m.attach(0).unicode(propAttachLongName, "списък.bin").stream(propAttachData, typeBinary, bytes.Repeat([]byte("data"), 3000)).close()
	m.attach(1).unicode(propAttachLongName, "logo.png").unicode(propAttachType, "image/png").unicode(propAttachContentID, "logo@x").
		stream(propAttachData, typeBinary, []byte("\x89PNG")).close()
	return m.close()
}

func inventEmbedded(depth int) *invented {
	m := newMSG().unicode(propSubject, "outer").unicode(propBody, "see below")
	at := m
	for i := range depth {
		a := at.attach(0).value(propAttachMethod, typeInteger, attachEmbedded).unicode(propDisplayName, "inner")
		inner := a.below(substreamName(propAttachData<<16|typeObject), headerBytesEmbedded)
		inner.unicode(propSubject, fmt.Sprint("inner ", i)).unicode(propBody, "text of the inner one").unicode(propSenderMail, "in@example.org")
		a.close()
		inner.close()
		at = inner
	}
	return m.close()
}

func inventCodepage() *invented {
	m := newMSG().value(propMessageCodepage, typeInteger, 1251).
		stream(propSubject, typeString8, []byte("\xcf\xf0\xe8\xe2\xe5\xf2\x00")).
		stream(propBody, typeString8, []byte("\xcf\xf0\xe8\xe2\xe5\xf2")).
		stream(propSenderName, typeString8, []byte("\xc8\xe2\xe0\xed")).stream(propSenderMail, typeString8, []byte("/O=HOUSE/CN=IVAN")).
		stream(propSenderType, typeString8, []byte("EX"))
	return m.close()
}

const wrappedHTML = `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset204 Arial;}}
{\*\htmltag64 <html>}{\*\htmltag84 <p>}\htmlrtf \par {\htmlrtf0 Caf\'e9 {\f1\'cf\'f0}\u-10179?\u-8704? \{x\}{\*\htmltag92 </p>}\htmlrtf\par}\htmlrtf0{\*\htmltag72 <a href="https://a.example/\'7bx\'7d">}}`

// packRTF wraps RTF without compressing it; packLZFu in literals only.
func packRTF(rtf string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(rtf)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rtf)))
	b = binary.LittleEndian.AppendUint32(b, 0x414C454D)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return append(b, rtf...)
}

func packLZFu(rtf string) []byte {
	b := packRTF("")
	binary.LittleEndian.PutUint32(b[4:], uint32(len(rtf)))
	binary.LittleEndian.PutUint32(b[8:], 0x75465A4C)
	for piece := range slices.Chunk([]byte(rtf), 8) {
		b = append(append(b, 0), piece...)
	}
	return b
}

func inventRTF(rtf string) *invented {
	return newMSG().unicode(propSubject, "rtf").stream(propRTF, typeBinary, packLZFu(rtf)).close()
}

// leaf is a decoded part of what was rendered.
type leaf struct{ kind, name, body string }

func leaves(t *testing.T, header map[string][]string, body io.Reader) []leaf {
	t.Helper()
	get := func(name string) string { return strings.Join(header[name], " ") }
	kind, params, err := mime.ParseMediaType(get("Content-Type"))
	must(t, err)
	if !strings.HasPrefix(kind, "multipart/") {
		switch get("Content-Transfer-Encoding") {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64Reader(body)
		}
		b, err := io.ReadAll(body)
		must(t, err)
		_, disposition, _ := mime.ParseMediaType(get("Content-Disposition"))
		return []leaf{{kind, disposition["filename"], string(b)}}
	}
	var list []leaf
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		list = append(list, leaves(t, p.Header, p)...)
	}
}

func rendered(t *testing.T, m *invented) (Item, mail.Header, []leaf) {
	t.Helper()
	g := walk(t, Config{}, tree(t, map[string]string{"a.msg": string(m.c.bytes())}))
	if len(g.items) != 1 || len(g.problems) > 0 {
		t.Fatalf("%d items, %v", len(g.items), g.problems)
	}
	item := g.items[0]
	parsed, err := mail.ReadMessage(bytes.NewReader(item.Raw))
	must(t, err)
	return item, parsed.Header, leaves(t, parsed.Header, parsed.Body)
}

func TestMSGUnicode(t *testing.T) {
	item, header, parts := rendered(t, inventUnicode())
	var dec mime.WordDecoder
	for name, want := range map[string]string{
		"From": `Renée "R" Example <renee@example.org>`, "Sender": `"Delegate" <delegate@example.org>`, "To": `"Bob" <bob@example.com>`,
		"Cc": `Čeněk, the second <c@example.com>`, "Bcc": "", "Subject": "Grüße aus dem Büro", "Message-Id": "<1@example.org>",
		"Date": "Mon, 01 Jan 2024 10:00:00 +0000", "In-Reply-To": "<0@example.org>  Bcc: x@example.net",
	} {
		if got, _ := dec.DecodeHeader(header.Get(name)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	equal(t, "parts", parts, []leaf{
		{"text/plain", "", "Guten Tag,\r\nsiehe Anhang.\r\n"}, {"text/html", "", "<p>Guten Tag <img src=\"cid:logo@x\"></p>"},
		{"image/png", "logo.png", "\x89PNG"}, {"application/octet-stream", "списък.bin", strings.Repeat("data", 3000)},
	})
	equal(t, "recipients", item.Envelope.Recipients, []string{"bob@example.com", "c@example.com", "secret@example.com"})
	if !item.Envelope.Time.Equal(sent.Add(time.Minute)) || item.Envelope.Sender != "delegate@example.org" || !item.Rebuilt {
		t.Errorf("%+v", item.Envelope)
	}
	again, _, _ := rendered(t, inventUnicode())
	if !bytes.Equal(item.Raw, again.Raw) {
		t.Error("not the same bytes twice")
	}
}

func TestMSGCodepage(t *testing.T) {
	_, header, parts := rendered(t, inventCodepage())
	var dec mime.WordDecoder
	if s, _ := dec.DecodeHeader(header.Get("Subject")); s != "Привет" {
		t.Errorf("subject %q", s)
	}
	if s, _ := dec.DecodeHeader(header.Get("From")); s != "Иван:;" {
		t.Errorf("from %q", s)
	}
	equal(t, "parts", parts, []leaf{{"text/plain", "", "Привет"}})
}

func TestMSGTransportHeader(t *testing.T) {
	m := newMSG().unicode(propBody, "x").unicode(propSubject, "not this").unicode(propTransportHeaders,
		"Microsoft Mail Internet Headers Version 2.0\r\nReceived: by mx.example.com;\r\n Mon, 1 Jan 2024 10:00:00 +0000\r\nSubject: as sent\r\n"+
			"Content-Type: multipart/mixed;\r\n\tboundary=\"b\"\r\nMIME-Version: 1.0\r\nX-Last: 1\r\n\r\nno field\r\n").close()
	item, header, _ := rendered(t, m)
	if header.Get("Subject") != "as sent" || header.Get("X-Last") != "1" || bytes.Contains(item.Raw, []byte("boundary")) ||
		!bytes.HasPrefix(item.Raw, []byte("Received: by mx.example.com;\r\n Mon,")) || len(header["Mime-Version"]) != 1 {
		t.Errorf("%s", item.Raw)
	}
}

func TestMSGRichText(t *testing.T) {
	for rtf, want := range map[string]leaf{
		wrappedHTML: {"text/html", "", `<html><p>Café Пр😀 {x}</p><a href="https://a.example/{x}">`},
		`{\rtf1\ansi\ansicpg932{\colortbl;\red0;}{\*\generator no;}\pard\'93\'fa\'96{\line}b\tab\lquote c\par}`: {"text/plain", "", "日\uFFFD\r\nb\t‘c\r\n"},
		`{\rtf1\ansi\fromtext plain\par\bin3 }}}\uc2\u233ee\'e9}`:                                               {"text/plain", "", "plain\r\néé"},
	} {
		_, _, parts := rendered(t, inventRTF(rtf))
		equal(t, rtf, parts, []leaf{want})
	}
}

func TestMSGEmbedded(t *testing.T) {
	_, _, parts := rendered(t, inventEmbedded(2))
	if len(parts) != 2 || parts[1].kind != "message/rfc822" || !strings.Contains(parts[1].body, "Subject: inner 0") ||
		!strings.Contains(parts[1].body, "Subject: inner 1") || !strings.Contains(parts[1].body, "text of the inner one") {
		t.Errorf("%q", parts)
	}
	deep := string(inventEmbedded(maxEmbedded + 4).c.bytes())
	if g := walk(t, Config{}, tree(t, map[string]string{"a.msg": deep})); len(g.items) != 1 || len(g.problems) != 1 {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
}

func TestMSGDamaged(t *testing.T) {
	whole := inventUnicode().c.bytes()
	g := walk(t, Config{}, tree(t, map[string]string{
		"cut.msg": string(whole[:len(whole)/2]), "doc.msg": string(cfb{"WordDocument": []byte("x")}.bytes()), "head.msg": string(whole[:600]),
	}))
	if len(g.problems) != 3 || len(g.finished) != 0 {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
}

// FuzzMSG checks that no compound file breaks the reader, and that what comes out is bounded and a message.
func FuzzMSG(f *testing.F) {
	for _, m := range []*invented{inventUnicode(), inventCodepage(), inventEmbedded(3), inventRTF(wrappedHTML)} {
		f.Add(m.c.bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := readCompoundMessage(readerAt(in), 2*int64(len(in))+1<<20)
		if m == nil {
			if err == nil {
				t.Fatal("neither message nor error")
			}
			return
		}
		if raw := m.render(); !looksLikeHeader(raw, 1) || !bytes.Equal(raw, m.render()) {
			t.Fatalf("%q", raw)
		}
	})
}

// FuzzRTF checks both layers of the rich text body.
func FuzzRTF(f *testing.F) {
	f.Add(packLZFu(wrappedHTML))
	f.Add(packRTF(wrappedHTML))
	f.Fuzz(func(t *testing.T, in []byte) {
		rtf, _ := tnef.UnpackRTF(in, 1<<20)
		readRTF(rtf, 1<<20)
		readRTF(in, 1<<20)
	})
}

func base64Reader(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

// TestSMIME keeps what is signed or encrypted as it was, byte for byte.
func TestSMIME(t *testing.T) {
	signed := "Content-Type: multipart/signed; boundary=s; micalg=sha-256; protocol=\"application/pkcs7-signature\"\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\nAs it was.\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--\r\n"
	for name, c := range map[string]struct {
		class, data, want string
	}{
		"clear":         {"IPM.Note.SMIME.MultipartSigned", signed, "\r\n" + signed},
		"report":        {"REPORT.IPM.Note.SMIME.MultipartSigned", signed, "\r\n" + signed},
		"opaque":        {"IPM.Note.SMIME", "\x30\x82", "Content-Type: application/pkcs7-mime;\r\n name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n"},
		"opaque, whole": {"IPM.Note.SMIME", "Content-Type: application/pkcs7-mime\r\n\r\nMII=\r\n", "Content-Type: application/pkcs7-mime\r\n\r\nMII="},
		"another class": {"IPM.Note", signed, "multipart/mixed"},
	} {
		m := newMSG().unicode(propMessageClass, c.class).unicode(propSubject, "s").unicode(propSenderMail, "a@example.com")
		m.attach(0).unicode(propAttachLongName, "smime.p7m").stream(propAttachData, typeBinary, []byte(c.data)).close()
		g := walk(t, Config{}, tree(t, map[string]string{"a.msg": string(m.close().c.bytes())}))
		if len(g.items) != 1 || !bytes.Contains(g.items[0].Raw, []byte(c.want)) {
			t.Errorf("%s: %+v lacks %q", name, g.items, c.want)
		}
	}
}
