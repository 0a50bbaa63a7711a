package message

import (
	"bytes"
	"strings"
)

// magics are first bytes that give a type away, whatever the header says.
var magics = []struct{ prefix, mediaType string }{
	{"%PDF-", "application/pdf"},
	{"PK\x03\x04", "application/zip"},
	{"PK\x05\x06", "application/zip"},
	{"Rar!\x1a\x07", "application/vnd.rar"},
	{"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
	{"\x1f\x8b", "application/gzip"},
	{"\x28\xb5\x2f\xfd", "application/zstd"},
	{"\xfd7zXZ\x00", "application/x-xz"},
	{"BZh", "application/x-bzip2"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
	{"{\\rtf", "application/rtf"},
	{"\x89PNG\r\n\x1a\n", "image/png"},
	{"GIF87a", "image/gif"},
	{"GIF89a", "image/gif"},
	{"\xff\xd8\xff", "image/jpeg"},
	{"BM", "image/bmp"},
	{"II*\x00", "image/tiff"},
	{"MM\x00*", "image/tiff"},
	{"MZ", "application/vnd.microsoft.portable-executable"},
	{"\x7fELF", "application/x-executable"},
	{"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"},
	{"MSCF", "application/vnd.ms-cab-compressed"},
	{"ITSF", "application/vnd.ms-htmlhelp"},
	{"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"},
	{"BEGIN:VCALENDAR", "text/calendar"},
	{"OggS", "audio/ogg"},
	{"ID3", "audio/mpeg"},
}

// MediaTypeSniffed is the type that the first bytes show, or the stated type
// where they show none.
func (p *Part) MediaTypeSniffed() string {
	if strings.HasPrefix(p.MediaType, "multipart/") || isMessageType(p.MediaType) {
		return p.MediaType
	}
	head := p.prefix()
	for _, m := range magics {
		if len(head) >= len(m.prefix) && string(head[:len(m.prefix)]) == m.prefix {
			if len(m.prefix) < 4 && strings.HasPrefix(p.MediaType, "text/") {
				continue // two letters at the head of a text mean nothing
			}
			return m.mediaType
		}
	}
	switch {
	case len(head) > 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return "image/webp"
	case looksLikeHTML(head):
		return "text/html"
	case looksLikeSVG(head):
		return "image/svg+xml"
	}
	return p.MediaType
}

func looksLikeHTML(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\f")
	if len(head) < 5 || head[0] != '<' {
		return false
	}
	lower := bytes.ToLower(head[:min(len(head), 1024)])
	for bytes.HasPrefix(lower, []byte("<!--")) || bytes.HasPrefix(lower, []byte("<?xml")) {
		i := bytes.IndexByte(lower, '>')
		if i < 0 {
			return false
		}
		lower = bytes.TrimLeft(lower[i+1:], " \t\r\n\f")
	}
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<body", "<script", "<meta http-equiv", "<title"} {
		if bytes.HasPrefix(lower, []byte(tag)) {
			return true
		}
	}
	return false
}

func looksLikeSVG(head []byte) bool {
	head = bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n")
	return len(head) > 4 && head[0] == '<' && bytes.Contains(head, []byte("<svg"))
}
