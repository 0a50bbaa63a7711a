package archive

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// A URL that carries an address says who got the mail, or who wrote it: trackers and
// links for leaving a list do. From the element on that holds the address such a URL is
// stored keyed, so that it can be asked for, and not browsed; scheme, host and what
// stands before are in clear, and found by their beginning as before.
//
// An address is found in clear, percent-encoded up to three times, and in base64. One
// that is hashed or encrypted names nobody to who does not know it already.

// URL is the stored form of a URL that is not a mailto: link.
func (k Key) URL(url string) string {
	from := addressIn(url)
	if from < 0 {
		return url
	}
	begin := afterHost(url)
	if from < begin { // in what stands before the host
		authority := strings.Index(url, "://") + len("://")
		at := strings.LastIndexByte(url[:begin], '@')
		return url[:authority] + url[at+1:begin] + "/" + k.mac(keyedURL, url)
	}
	cut := strings.LastIndexAny(url[:from], "/?&;")
	if cut < begin {
		return url[:begin] + "/" + k.mac(keyedURL, url)
	}
	return url[:cut+1] + k.mac(keyedURL, url)
}

// afterHost is where path, query or fragment begin.
func afterHost(url string) int {
	authority := strings.Index(url, "://")
	if authority < 0 {
		return 0
	}
	authority += len("://")
	if end := strings.IndexAny(url[authority:], "/?#"); end >= 0 {
		return authority + end
	}
	return len(url)
}

var addressPattern = regexp.MustCompile(`(?i)[a-z0-9._+%=-]+(?:@|%(?:25){0,2}40)[a-z0-9.-]+(?:\.|%(?:25){0,2}2e)[a-z]{2}`)

// addressIn is the offset of the first address in a URL, -1 if there is none. A name
// before the host (https://name@host/) makes none by itself.
func addressIn(url string) int {
	begin := afterHost(url)
	user := strings.LastIndexByte(url[:begin], '@')
	if user >= 0 && mayHoldAddress(url[:user]) {
		if at := addressPattern.FindStringIndex(url[:user]); at != nil {
			return at[0]
		}
	}
	first := encodedAddress(url[begin:])
	if rest := url[begin:]; mayHoldAddress(rest) {
		if at := addressPattern.FindStringIndex(rest); at != nil && (first < 0 || at[0] < first) {
			first = at[0]
		}
	}
	if first < 0 {
		return -1
	}
	return begin + first
}

func mayHoldAddress(s string) bool {
	return strings.IndexByte(s, '@') >= 0 || strings.Contains(s, "%40") || strings.Contains(s, "%2540") || strings.Contains(s, "%252540")
}

// minToken is the length from which on base64 can hold an address: a@b.cd.
const minToken = 8

// encodedAddress is the offset of the first token in base64 that holds an address.
func encodedAddress(s string) int {
	for from := 0; from < len(s); from++ {
		end := from
		for end < len(s) && inBase64(s[end]) {
			end++
		}
		if end-from >= minToken && decodesToAddress(s[from:end]) {
			return from
		}
		from = end
	}
	return -1
}

func inBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '+'
}

func decodesToAddress(token string) bool {
	if len(token)%4 == 1 {
		token = token[:len(token)-1]
	}
	if strings.IndexByte(token, '+') >= 0 {
		token = strings.ReplaceAll(token, "+", "-")
	}
	var buffer [256]byte
	raw, n := buffer[:], 0
	if need := base64.RawURLEncoding.DecodedLen(len(token)); need > len(raw) {
		raw = make([]byte, need)
	}
	n, err := base64.RawURLEncoding.Decode(raw, []byte(token))
	return err == nil && addressPattern.Match(raw[:n])
}
