package source

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"path"
	"strconv"
	"strings"
)

// mimePart is a part of a message as far as containers need to know it: attached
// messages, journal reports, attachments that were moved out. What parts mean is
// the business of package message; the numbers are the same.
type mimePart struct {
	path      string // "2.1", as in IMAP (RFC 3501 §6.4.5)
	kind      string // media type in small letters
	params    map[string]string
	encoding  string
	fileName  string
	inReport  bool // of a delivery or a reading: what is in it went out from here
	header    []byte
	start     int // of the body within the message
	end       int
	multipart bool
}

const (
	maxParts     = 1000
	maxPartDepth = 20
)

// structure lists the parts of a message, outer before inner, without looking
// into attached messages.
func structure(raw []byte) []mimePart {
	s := &structureReader{raw: raw}
	s.entity(0, len(raw), "", "text/plain", false, 0)
	return s.parts
}

type structureReader struct {
	raw   []byte
	parts []mimePart
}

func (s *structureReader) entity(from, to int, number, kind string, inReport bool, depth int) {
	if len(s.parts) >= maxParts {
		return
	}
	p := describePart(s.raw[from:to], kind)
	p.start, p.end, p.inReport, p.path = from+len(p.header), to, inReport, number
	p.multipart = strings.HasPrefix(p.kind, "multipart/") && p.params["boundary"] != "" && depth < maxPartDepth
	if number == "" && !p.multipart {
		p.path = "1"
	}
	s.parts = append(s.parts, p)
	if !p.multipart {
		return
	}
	if report := strings.ToLower(p.params["report-type"]); p.kind == "multipart/report" {
		inReport = report == "delivery-status" || report == "disposition-notification"
	}
	inner := "text/plain"
	if p.kind == "multipart/digest" { // RFC 2046 §5.1.5
		inner = "message/rfc822"
	}
	if number != "" {
		number += "."
	}
	for i, bounds := range s.bodies(p.start, to, p.params["boundary"]) {
		s.entity(bounds[0], bounds[1], number+strconv.Itoa(i+1), inner, inReport, depth+1)
	}
}

// bodies finds what lies between the boundary lines of a multipart (RFC 2046 §5.1.1).
func (s *structureReader) bodies(from, to int, boundary string) (list [][2]int) {
	delimiter := []byte("--" + boundary)
	open := -1
	for at := from; at < to && len(list) < maxParts; {
		i := bytes.Index(s.raw[at:to], delimiter)
		if i < 0 {
			break
		}
		line := at + i
		next := to
		if nl := bytes.IndexByte(s.raw[line:to], '\n'); nl >= 0 {
			next = line + nl + 1
		}
		rest := bytes.TrimRight(s.raw[line+len(delimiter):next], " \t\r\n")
		at = line + len(delimiter)
		if line > from && s.raw[line-1] != '\n' || len(rest) > 0 && string(rest) != "--" {
			continue
		}
		if open >= 0 {
			list = append(list, [2]int{open, max(open, beforeLineEnd(s.raw, line))})
		}
		if open = next; len(rest) > 0 {
			return list
		}
		at = next
	}
	if open >= 0 {
		list = append(list, [2]int{open, to}) // the last boundary is missing
	}
	return list
}

// beforeLineEnd is where the line end before at begins: it belongs to the boundary.
func beforeLineEnd(raw []byte, at int) int {
	if at > 0 && raw[at-1] == '\n' {
		at--
	}
	if at > 0 && raw[at-1] == '\r' {
		at--
	}
	return at
}

// describePart reads the fields that say what a part is.
func describePart(entity []byte, kind string) mimePart {
	p := mimePart{kind: kind, header: entity}
	if n := len(entity) - len(skipLineEnd(entity)); n > 0 {
		p.header = entity[:n] // no fields at all
	} else if n := bodyStart(entity); n >= 0 {
		p.header = entity[:n]
	}
	if stated, params, err := mime.ParseMediaType(fieldValue(p.header, "content-type:")); stated != "" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) {
		p.kind, p.params = stated, params
	}
	p.encoding = strings.ToLower(strings.TrimSpace(fieldValue(p.header, "content-transfer-encoding:")))
	_, params, _ := mime.ParseMediaType(fieldValue(p.header, "content-disposition:"))
	p.fileName = params["filename"]
	if p.fileName == "" {
		p.fileName = p.params["name"]
	}
	if words, err := new(mime.WordDecoder).DecodeHeader(p.fileName); err == nil {
		p.fileName = words
	}
	return p
}

// fieldValue returns the first field of a name (in small letters, with its colon), unfolded.
func fieldValue(header []byte, name string) string {
	at, _ := findField(header, name)
	if at < 0 {
		return ""
	}
	var value []byte
	for first := true; at < len(header); first = false {
		line, rest, _ := bytes.Cut(header[at:], []byte("\n"))
		if !first && (len(line) == 0 || line[0] != ' ' && line[0] != '\t') {
			break
		}
		value = append(append(value, ' '), bytes.TrimSpace(line)...)
		at = len(header) - len(rest)
	}
	return strings.TrimSpace(string(value))
}

// content decodes a part, up to a limit.
func (p mimePart) content(raw []byte, limit int64) []byte {
	body := raw[p.start:p.end]
	var r io.Reader
	switch p.encoding {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, bytes.NewReader(lettersOnly(body)))
	case "quoted-printable":
		r = quotedprintable.NewReader(bytes.NewReader(body))
	default:
		return body[:min(int64(len(body)), limit)]
	}
	b, _ := io.ReadAll(io.LimitReader(r, limit)) // what was decoded before an error is worth having
	return b
}

// lettersOnly drops what base64 allows between its letters (RFC 2045 §6.8).
func lettersOnly(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=':
			out = append(out, c)
		}
	}
	return out
}

func (p mimePart) extension() string { return strings.ToLower(path.Ext(p.fileName)) }
