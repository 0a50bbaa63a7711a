package message

import (
	"net/url"
	"strings"
)

// cleanURL turns an attribute's value (entities decoded) into the URL a browser
// would request, following the URL standard: spaces and control characters around
// it and tabs and line ends inside it go, backslashes of http URLs are slashes,
// and it is resolved against base where there is one. "" is no URL.
func cleanURL(s, base string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	if s == "" {
		return ""
	}
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\t') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	scheme := schemeOf(s)
	if isClean(scheme, s) {
		return s
	}
	switch strings.ToLower(scheme) {
	case "":
		return relativeURL(s, base)
	case "http", "https", "ftp":
		return strings.ToLower(scheme) + "://" + slashes(s[len(scheme)+1:])
	case "file":
		return fileURL(s[len(scheme)+1:])
	}
	return strings.ToLower(scheme) + s[len(scheme):]
}

// isClean tells the web URLs, nearly all, in which nothing needs a change.
func isClean(scheme, s string) bool {
	if scheme != "https" && scheme != "http" {
		return false
	}
	rest := s[len(scheme)+1:]
	return len(rest) > 2 && rest[0] == '/' && rest[1] == '/' && rest[2] != '/' && strings.IndexByte(rest, '\\') < 0
}

// slashes reads what follows the scheme of a web URL: any number of slashes and
// backslashes, then host and path, in which backslashes count as slashes up to
// the query.
func slashes(rest string) string {
	rest = strings.TrimLeft(rest, `/\`)
	end := strings.IndexAny(rest, "?#")
	if end < 0 {
		end = len(rest)
	}
	if strings.IndexByte(rest[:end], '\\') < 0 {
		return rest
	}
	return strings.ReplaceAll(rest[:end], `\`, "/") + rest[end:]
}

// fileURL keeps the host of a share: file://host/…, file:\\\\host\…, file:////host/…
func fileURL(rest string) string {
	rest = strings.ReplaceAll(rest, `\`, "/")
	path := strings.TrimLeft(rest, "/")
	if n := len(rest) - len(path); n == 2 || n > 3 {
		return "file://" + path
	}
	return "file:///" + path
}

func schemeOf(s string) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return s[:i]
		default:
			return ""
		}
	}
	return ""
}

func relativeURL(s, base string) string {
	if len(s) > 1 && (s[0] == '/' || s[0] == '\\') && (s[1] == '/' || s[1] == '\\') {
		scheme := schemeOf(base)
		if scheme == "" {
			scheme = "https"
		}
		return scheme + "://" + slashes(s)
	}
	if base == "" || s[0] == '#' {
		return s
	}
	b, err := url.Parse(base)
	if err != nil {
		return s
	}
	u, err := b.Parse(slashesIn(s))
	if err != nil {
		return s
	}
	return u.String()
}

func slashesIn(s string) string {
	if strings.HasPrefix(s, `\`) {
		return "/" + slashes(s)
	}
	return s
}

func hasScheme(url, scheme string) bool {
	return len(url) >= len(scheme) && strings.EqualFold(url[:len(scheme)], scheme)
}

// isRemote reports whether fetching the URL leaves the machine: file: with a
// host does, by SMB.
func isRemote(url string) bool {
	switch {
	case hasScheme(url, "http://"), hasScheme(url, "https://"), hasScheme(url, "ftp://"):
		return len(url) > len("https://") || !hasScheme(url, "https://")
	case hasScheme(url, "file://"):
		return len(url) > 7 && url[7] != '/'
	}
	return false
}
