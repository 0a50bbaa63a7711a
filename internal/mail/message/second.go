package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"sort"
	"strings"

	gomessage "github.com/emersion/go-message"
)

// maxSecondOpinion is the largest message that other parsers are asked about:
// unlike ours they are not linear on everything.
const maxSecondOpinion = 8 << 20

// Disagreements asks two other parsers how they read a suspicious message and
// returns where they see something else: other parts, types, files or visible
// text. That is what an attacker needs to show a filter one thing and a person
// another. It returns nil for a message that is not Suspicious, which is nearly
// every message, without running them.
func Disagreements(m *Message) []Defect {
	if m == nil || !m.Suspicious() {
		return nil
	}
	if len(m.Raw) > maxSecondOpinion || m.has(TooDeep) || m.has(TooManyParts) {
		return []Defect{{Kind: ParserFailed, Detail: "too large or too nested to be read by other parsers"}}
	}
	ours, raw := ownView(m), m.Raw
	if len(m.Header) > 0 {
		raw = raw[m.Header[0].Start:] // a "From " line is no part of the message
	}
	var all []Defect
	for _, other := range []struct {
		name string
		read func([]byte) (view, error)
	}{{"the standard library", standardView}, {"go-message", goMessageView}} {
		theirs, err := guarded(other.read, raw)
		if err != nil {
			all = append(all, Defect{Kind: ParserFailed, Detail: other.name + ": " + clip(err.Error(), 200)})
			continue
		}
		for _, d := range ours.differences(theirs) {
			all = append(all, Defect{Kind: ParsersDisagree, Detail: other.name + " " + d})
		}
	}
	return all
}

// guarded keeps a panic of a foreign parser from crossing into ours.
func guarded(read func([]byte) (view, error), raw []byte) (v view, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return read(raw)
}

// view is what a parser makes of a message, attached messages not opened.
type view struct {
	types, files []string
	text         string // of the first text leaf, letters and digits only
}

func (v *view) add(mediaType, file string, text func() string) {
	v.types = append(v.types, strings.ToLower(mediaType))
	if file != "" {
		v.files = append(v.files, file)
	}
	if v.text == "" && strings.HasPrefix(mediaType, "text/") {
		v.text = letters(text())
	}
}

func (v view) differences(other view) (all []string) {
	if a, b := len(v.types), len(other.types); a != b {
		all = append(all, fmt.Sprintf("reads %d parts, not %d", b, a))
	} else if a, b := strings.Join(v.types, ", "), strings.Join(other.types, ", "); a != b {
		all = append(all, fmt.Sprintf("reads the parts as %s, not %s", clip(b, 200), clip(a, 200)))
	}
	sort.Strings(v.files)
	sort.Strings(other.files)
	if a, b := strings.Join(v.files, ", "), strings.Join(other.files, ", "); a != b {
		all = append(all, fmt.Sprintf("sees the files [%s], not [%s]", clip(b, 200), clip(a, 200)))
	}
	if v.text != other.text {
		all = append(all, "reads other text")
	}
	return all
}

// letters keeps what two readings of the same text share whatever they do about
// charsets and line ends.
func letters(s string) string {
	out := make([]byte, 0, min(len(s), 4096))
	for i := 0; i < len(s) && len(out) < 4096; i++ {
		if c := s[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}

func ownView(m *Message) view {
	var v view
	for _, p := range m.Parts {
		leaf := len(p.Children) == 0 || isMessageType(p.MediaType)
		if p.Nested || !leaf || strings.Contains(p.Path, "+uu") {
			continue
		}
		v.add(p.MediaType, p.FileName, p.Text)
	}
	return v
}

// standardView reads as net/mail and mime/multipart do. enmime would be a third
// opinion, but initialising what it imports costs every start of the program
// 44 ms; the tests compare with it instead.
func standardView(raw []byte) (v view, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return v, fmt.Errorf("read message: %w", err)
	}
	return v, standardParts(&v, textproto.MIMEHeader(m.Header), m.Body, 0)
}

func standardParts(v *view, h textproto.MIMEHeader, body io.Reader, depth int) error {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		mediaType = "text/plain" // RFC 2045 §5.2
	}
	if strings.HasPrefix(mediaType, "multipart/") && params["boundary"] != "" && depth < 32 {
		mr := multipart.NewReader(body, params["boundary"])
		for {
			part, err := mr.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read part: %w", err)
			}
			if err := standardParts(v, part.Header, part, depth+1); err != nil {
				return err
			}
		}
	}
	_, disposition, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	file := disposition["filename"]
	if file == "" {
		file = params["name"]
	}
	content, err := io.ReadAll(transferDecoder(h.Get("Content-Transfer-Encoding"), body))
	v.add(mediaType, DecodeWords(file), func() string { return string(content) })
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func transferDecoder(encoding string, body io.Reader) io.Reader {
	body = io.LimitReader(body, maxSecondOpinion)
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

func goMessageView(raw []byte) (v view, err error) {
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
		return v, fmt.Errorf("read message: %w", err)
	}
	return v, goMessageParts(&v, e, 0)
}

func goMessageParts(v *view, e *gomessage.Entity, depth int) error {
	mediaType, params, _ := e.Header.ContentType()
	if mr := e.MultipartReader(); mr != nil && depth < 32 {
		for {
			child, err := mr.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
				return fmt.Errorf("read part: %w", err)
			}
			if err := goMessageParts(v, child, depth+1); err != nil {
				return err
			}
		}
	}
	_, disposition, _ := e.Header.ContentDisposition()
	file := disposition["filename"]
	if file == "" {
		file = params["name"]
	}
	body, err := io.ReadAll(io.LimitReader(e.Body, maxSecondOpinion))
	v.add(mediaType, DecodeWords(file), func() string { return string(body) })
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}
