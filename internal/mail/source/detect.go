package source

import (
	"archive/tar"
	"bytes"
	"path"
	"strings"
)

// kind is what a stretch of bytes turns out to be.
type kind uint8

const (
	kindUnknown kind = iota
	kindEmpty
	kindMessage
	kindEmlx
	kindMbox
	kindOLE
	kindGzip
	kindZstd
	kindBzip2
	kindZip
	kindTar
	kindPST
	kindRefused // a mail or archive format that is known and not read
)

// detectBytes is how much of a file is looked at. A header whose first
// recognisable field comes later is not found.
const detectBytes = 16 << 10

var magics = []struct {
	magic  string
	kind   kind
	remedy string
}{
	{"\x1f\x8b\x08", kindGzip, ""},
	{"\x28\xb5\x2f\xfd", kindZstd, ""},
	{"PK\x03\x04", kindZip, ""},
	{"PK\x05\x06", kindZip, ""},
	{"PK\x07\x08PK\x03\x04", kindZip, ""},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", kindOLE, ""},
	{"!BDN", kindPST, ""},
	{"7z\xbc\xaf\x27\x1c", kindRefused, "7-Zip archive: unpack it, or pack it again as zip"},
	{"Rar!\x1a\x07", kindRefused, "RAR archive: unpack it, or pack it again as zip"},
	{"\xfd7zXZ\x00", kindRefused, "xz: unpack it with xz -d, or pack it again with gzip or zstd"},
}

// detect finds out what begins with head. The name decides only where the
// content leaves it open: text in a file called .eml, or lying in a Maildir, is
// a message even if its header is beyond recognition. For kindRefused it also
// says what to do.
func detect(head []byte, name string, inMaildir bool) (kind, string) {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.kind, m.remedy
		}
	}
	switch {
	case len(head) == 0:
		return kindEmpty, ""
	case isBzip2(head):
		return kindBzip2, ""
	case len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18":
		return kindZstd, "" // a skippable frame, RFC 8878 §3.1.2
	case isTar(head):
		return kindTar, ""
	}
	return detectText(head, name, inMaildir), ""
}

func detectText(head []byte, name string, inMaildir bool) kind {
	text := skipBlank(trimBOM(head))
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case len(text) == 0 && !inMaildir:
		return kindEmpty
	case inMaildir && bytes.HasPrefix(text, fromLine):
		return kindMessage // with the From_ line of an earlier mailbox; a Maildir holds one message a file
	case bytes.HasPrefix(text, fromLine) && (plausibleFrom(line) || looksLikeHeader(text[len(line):], 1)):
		return kindMbox
	case isEmlx(head):
		return kindEmlx
	case looksLikeHeader(text, 2) || inMaildir:
		return kindMessage
	case isMessageName(name) && beginsWithLetter(fieldName(line)):
		return kindMessage
	}
	return kindUnknown
}

// beginsLikeHeader is for what is left of a file that was cut off within its header.
func beginsLikeHeader(head []byte) bool {
	line, _, _ := bytes.Cut(skipBlank(trimBOM(head)), []byte("\n"))
	return beginsWithLetter(fieldName(line))
}

func beginsWithLetter(s string) bool {
	return s != "" && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

func isMessageName(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".eml" || ext == ".emlx"
}

func isBzip2(head []byte) bool {
	if len(head) < 10 || string(head[:3]) != "BZh" || head[3] < '1' || head[3] > '9' {
		return false
	}
	block := string(head[4:10]) // pi, or the square root of pi where the file is empty
	return block == "1AY&SY" || block == "\x17\x72\x45\x38\x50\x90"
}

// isTar knows tar by its checksum, which the old format without magic has too.
func isTar(head []byte) bool {
	if len(head) < 512 || head[0] == 0 {
		return false
	}
	if string(head[257:262]) == "ustar" {
		return true
	}
	if bytes.IndexByte(head[:100], 0) < 0 || bytes.ContainsAny(head[:1], "\r\n") {
		return false
	}
	_, err := tar.NewReader(bytes.NewReader(head[:512])).Next()
	return err == nil
}

// isEmlx knows Apple Mail's format: a line with the length of the message in
// bytes, padded with spaces, the message, and a property list.
func isEmlx(head []byte) bool {
	_, text, ok := emlxLength(head)
	return ok && (looksLikeHeader(text, 1) || bytes.HasPrefix(text, fromLine))
}

func emlxLength(head []byte) (n int64, text []byte, ok bool) {
	line, text, found := bytes.Cut(head[:min(len(head), 64)], []byte("\n"))
	line = bytes.TrimRight(line, " \r")
	if !found || len(line) == 0 || len(line) > 15 {
		return 0, nil, false
	}
	for _, c := range line {
		if c < '0' || c > '9' {
			return 0, nil, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, head[len(head[:min(len(head), 64)])-len(text):], true
}

// The fields that only mail has weigh 2, those that other text has as well
// (front matter of a web page, an HTTP response) weigh 1.
var mailFields = map[string]int{
	"received": 2, "return-path": 2, "delivered-to": 2, "message-id": 2, "from": 2,
	"mime-version": 2, "dkim-signature": 2, "x-original-to": 2, "envelope-to": 2,
	"x-mozilla-status": 2, "x-received": 2, "arc-seal": 2, "authentication-results": 2,
	"x-gm-thrid": 2, "x-gmail-labels": 2, "received-spf": 2, "arc-authentication-results": 2,
	"to": 1, "cc": 1, "bcc": 1, "subject": 1, "date": 1, "sender": 1, "reply-to": 1,
	"content-type": 1, "content-transfer-encoding": 1, "in-reply-to": 1, "references": 1,
	"status": 1, "x-status": 1, "x-uid": 1, "x-keywords": 1, "content-length": 1,
	"list-id": 1, "list-unsubscribe": 1, "x-mailer": 1, "precedence": 1,
}

// looksLikeHeader tells whether text begins with header fields (RFC 5322 §2.2)
// that weigh at least want together. A line that is no field ends the header.
func looksLikeHeader(text []byte, want int) bool {
	text = bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("\r")), []byte("\n"))
	weight := 0
	for first := true; len(text) > 0; first = false {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		if !first && len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			continue
		}
		if bytes.HasPrefix(line, quotedFromLine) {
			continue // a From_ line that an earlier mailbox quoted
		}
		name := fieldName(line)
		if name == "" {
			return false
		}
		if weight += mailFields[strings.ToLower(name)]; weight >= want {
			return true
		}
	}
	return false
}

// fieldName returns the name of the header field that line begins, or "".
func fieldName(line []byte) string {
	colon := bytes.IndexByte(line[:min(len(line), 100)], ':')
	if colon <= 0 {
		return ""
	}
	name := bytes.TrimRight(line[:colon], " \t") // obsolete syntax, RFC 5322 §4.5
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return string(name)
}

// foreign tells whether a file is known to be no mail: what desktops and mail
// programs keep beside it, and what Takeout adds for people. Source: the manuals of Dovecot, Courier, mutt, nmh and Thunderbird.
func foreign(name string) bool {
	lower := strings.ToLower(name)
	if foreignNames[lower] {
		return true
	}
	for _, prefix := range []string{"._", ".nfs", "dovecot", ".dovecot", "courierimap", "courierpop3", ".fuse_hidden"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	for _, suffix := range []string{".msf", ".lock", ".lck"} {
		if strings.HasSuffix(lower, suffix) {
			return true
		}
	}
	return false
}

var foreignNames = map[string]bool{
	".ds_store": true, "thumbs.db": true, "desktop.ini": true, "icon\r": true, ".directory": true,
	"maildirfolder": true, "maildirsize": true, "subscriptions": true, ".subscriptions": true,
	".mh_sequences": true, ".mh_profile": true, ".mailboxlist": true, ".mbox.lock": true,
	"msgfilterrules.dat": true, "popstate.dat": true, "table_of_contents": true,
	"archive_browser.html": true, "filterlog.html": true, "junklog.html": true, "virtualfolders.dat": true, "panacea.dat": true, "filters.js": true,
	"feeds.json": true, "feeditems.json": true, "feeds.rdf": true, "feeditems.rdf": true, "info.plist": true,
	".gitignore": true, ".gitattributes": true, ".gitkeep": true, ".uidvalidity": true, ".localized": true,
}

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }

// skipBlank drops blank lines at the beginning.
func skipBlank(b []byte) []byte {
	for {
		switch {
		case len(b) > 0 && b[0] == '\n':
			b = b[1:]
		case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
			b = b[2:]
		default:
			return b
		}
	}
}
