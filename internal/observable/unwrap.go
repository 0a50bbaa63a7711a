package observable

import (
	"html"
	"strings"
)

// maxLayers is how many wrappers UnwrapAll takes off; chains of more than four have not been seen.
const maxLayers = 16

// Unwrap undoes one layer of link rewriting: what mail gateways do to every link of
// a message so that a click passes them first, and what large sites do to links that lead
// away. The wrapper is a short name ("safelinks"). Where the gateway keeps the target to itself and
// tells only its domain (Mimecast, Inky), target is that domain, without a scheme.
func Unwrap(u string) (target, wrapper string, ok bool) {
	l, err := ParseURL(u)
	if err != nil {
		return "", "", false
	}
	return l.unwrap()
}

// UnwrapAll unwraps until nothing changes. The chain names the wrappers, the
// outermost first.
func UnwrapAll(u string) (target string, chain []string) {
	for len(chain) < maxLayers {
		next, wrapper, ok := Unwrap(u)
		if !ok || next == u {
			break
		}
		u, chain = next, append(chain, wrapper)
	}
	return u, chain
}

// Resolve unwraps as UnwrapAll does and takes the target apart as ParseURL does. The
// usual link, which nobody wrapped, is parsed once.
func Resolve(u string) (target Link, chain []string, err error) {
	for {
		if target, err = ParseURL(u); err != nil || len(chain) == maxLayers {
			return target, chain, err
		}
		next, wrapper, ok := target.unwrap()
		if !ok || next == u {
			return target, chain, nil
		}
		u, chain = next, append(chain, wrapper)
	}
}

// unwrap tries the rewriters whose host is the link's or a parent of it, the most
// particular first.
func (l *Link) unwrap() (target, wrapper string, ok bool) {
	if l.IP.IsValid() || l.Host == "" {
		return "", "", false
	}
	for host := l.Host; ; {
		if r, known := rewriters[host]; known {
			if target, ok = l.undo(r); ok {
				return target, r.name, true
			}
		}
		dot := strings.IndexByte(host, '.')
		if dot < 0 {
			break
		}
		host = host[dot+1:]
	}
	r := rewriter{}
	switch {
	case strings.Contains(l.Host, "google."): // google.de, google.co.uk and so on
		r = google
	case strings.HasPrefix(l.tail, "/canit/urlproxy.php"): // runs on the customer's own host
		r = canit
	}
	if target, ok = l.undo(r); ok {
		return target, r.name, true
	}
	return "", "", false
}

func (l *Link) undo(r rewriter) (target string, ok bool) {
	for _, how := range r.how {
		if target = strings.TrimSpace(how(l)); target != "" && target != l.Raw {
			return target, true
		}
	}
	return "", false
}

// A decoder returns the target of a wrapped link, "" if it finds none.
type decoder func(*Link) string

// param takes the target from the first of the named query parameters that holds a link.
func param(names ...string) decoder {
	return func(l *Link) string {
		for _, name := range names {
			if target := linkIn(l.param(name)); target != "" {
				return target
			}
		}
		return ""
	}
}

// path applies a decoder only below a path.
func path(prefix string, d decoder) decoder {
	return func(l *Link) string {
		if !strings.HasPrefix(l.tail, prefix) {
			return ""
		}
		return d(l)
	}
}

// base64Param takes the target from a base64 parameter, behind a prefix.
func base64Param(name, prefix string) decoder {
	return func(l *Link) string {
		value, found := strings.CutPrefix(l.param(name), prefix)
		if !found {
			return ""
		}
		b, _ := unbase64(value)
		return linkIn(string(b))
	}
}

// domainParam takes what some gateways leave readable: the domain alone.
func domainParam(name string) decoder {
	return func(l *Link) string {
		host, err := Domain(l.param(name))
		if err != nil || !strings.Contains(host, ".") {
			return ""
		}
		return host
	}
}

// param returns the decoded value of a parameter of the query as it was written, of the
// fragment failing that. Names compare without case; "&amp;" separates like "&".
func (l *Link) param(name string) string {
	_, query, _ := strings.Cut(l.tail, "?")
	if query == "" {
		query = l.Fragment
	}
	query, _, _ = strings.Cut(query, "#")
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimPrefix(key, "amp;"), name) {
			value, _ = unpercent(value)
			return value
		}
	}
	return ""
}

// linkIn returns s if it is a link with a scheme or a plausible host, "" otherwise.
// Encoded twice, it is decoded once more.
func linkIn(s string) string {
	s = strings.TrimSpace(s)
	for range 3 {
		if hasWebScheme(s) || schemeless(s) {
			return s
		}
		next, changed := unpercent(s)
		if !changed {
			break
		}
		s = next
	}
	if strings.HasPrefix(s, "//") && len(s) > 4 {
		return "https:" + s
	}
	return ""
}

// hasWebScheme tells whether s begins like a link that a browser opens.
func hasWebScheme(s string) bool {
	scheme, rest := cutScheme(s[:min(len(s), 12)])
	return isWeb(scheme) && rest != "" && isSlash(rest[0])
}

// schemeless tells whether s is a plausible domain, alone or before a path or query.
func schemeless(s string) bool {
	end := strings.IndexAny(s, "/?#:")
	if end < 0 {
		end = len(s)
	}
	if end < 4 || end > maxDomain || strings.IndexByte(s[:end], '.') < 0 {
		return false
	}
	host, err := Domain(s[:end])
	return err == nil && plausible(host)
}

// urldefense reads Proofpoint's three formats, as the vendor's published decoder does:
//
//	v1: /v1/url?u=PERCENT-ENCODED&k=…
//	v2: /v2/url?u=…&d=…   where "-" stands for "%" and "_" for "/"
//	v3: /v3/__URL__;BASE64!…   see urldefenseV3
func urldefense(l *Link) string {
	switch {
	case strings.HasPrefix(l.tail, "/v1/"):
		return linkIn(html.UnescapeString(l.param("u")))
	case strings.HasPrefix(l.tail, "/v2/"):
		u := strings.NewReplacer("-", "%", "_", "/").Replace(l.param("u"))
		u, _ = unpercent(u)
		return linkIn(html.UnescapeString(u))
	case strings.HasPrefix(l.tail, "/v3/"):
		return urldefenseV3(l.tail)
	}
	return ""
}

const runLengths = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// urldefenseV3 puts back the characters that were taken out of the URL. They stand in
// order in the base64 part; in the URL "*" stands for one of them and "**X" for a run,
// whose length X gives: A is 2, B is 3 and so on through the base64url alphabet.
func urldefenseV3(tail string) string {
	body, found := strings.CutPrefix(tail, "/v3/__")
	if !found {
		return ""
	}
	end := strings.Index(body, "__;")
	if end < 0 { // a mail program has encoded it once more
		body, _ = unpercent(body)
		if end = strings.Index(body, "__;"); end < 0 {
			return ""
		}
	}
	u, blob := body[:end], body[end+3:]
	blob, _, _ = strings.Cut(blob, "!")
	taken, _ := unbase64(blob)
	return fixSlashes(fillRuns(u, []rune(string(taken))))
}

func fillRuns(u string, taken []rune) string {
	var out strings.Builder
	for i := 0; i < len(u); i++ {
		if u[i] != '*' {
			out.WriteByte(u[i])
			continue
		}
		run := 1
		if i+2 < len(u) && u[i+1] == '*' {
			if n := strings.IndexByte(runLengths, u[i+2]); n >= 0 {
				run, i = n+2, i+2
			}
		}
		if len(taken) == 0 { // nothing to put back: the asterisk was one
			out.WriteByte('*')
			continue
		}
		run = min(run, len(taken))
		out.WriteString(string(taken[:run]))
		taken = taken[run:]
	}
	return out.String()
}

// fixSlashes mends "https:/host", which proxies make of two slashes in a path.
func fixSlashes(u string) string {
	scheme, rest, ok := strings.Cut(u, ":/")
	if ok && isWeb(strings.ToLower(scheme)) && !strings.HasPrefix(rest, "/") {
		return scheme + "://" + rest
	}
	return u
}

// inPath takes the link that begins somewhere in the path and goes to the end:
// Cisco's /TOKEN/http%3A%2F%2Fhost, the caches' /web/20200101/http://host.
func inPath(l *Link) string {
	if t := fixSlashes(embedded(l.tail)); hasWebScheme(t) {
		return t
	}
	decoded, changed := unpercent(l.tail)
	if !changed {
		return ""
	}
	return fixSlashes(embedded(decoded))
}

// embedded returns s from the first "http:" or "https:" with a slash on; the percent-encoded
// spellings do not count.
func embedded(s string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], ":/")
		if i < 0 {
			return ""
		}
		i += from
		for _, scheme := range [...]string{"https", "http", "ftp"} {
			if i >= len(scheme) && strings.EqualFold(s[i-len(scheme):i], scheme) {
				return s[i-len(scheme):]
			}
		}
		from = i + 2
	}
}

// underscored reads Check Point's (formerly Avanan's) /v2/___URL___.SIGNATURE. In the
// variants /v2/r01/ and so on the URL may be enciphered; what is no link then is left.
func underscored(l *Link) string {
	_, body, ok := strings.Cut(l.tail, "___")
	if !ok {
		return ""
	}
	if end := strings.LastIndex(body, "___"); end >= 0 {
		body = body[:end]
	}
	return linkIn(fixSlashes(body))
}

// base64Path takes the first path segment that is a link in base64.
func base64Path(l *Link) string {
	p, _, _ := strings.Cut(l.tail, "?")
	for _, segment := range strings.Split(p, "/") {
		if b, ok := unbase64(segment); ok {
			if target := linkIn(string(b)); hasWebScheme(target) {
				return target
			}
		}
	}
	return ""
}

// inFragment takes the link behind "#", where Gmail's image proxy keeps the source.
func inFragment(l *Link) string { return linkIn(l.Fragment) }

// yahooRU reads r.search.yahoo.com/…/RU=https%3a%2f%2fhost/RK=2/RS=….
func yahooRU(l *Link) string {
	_, u, ok := strings.Cut(l.tail, "/RU=")
	if !ok {
		return ""
	}
	u, _, _ = strings.Cut(u, "/")
	u, _ = unpercent(u)
	return linkIn(u)
}

// ampPath reads the AMP caches: /c/s/host/path, /amp/s/host/path; without "s" it is http.
func ampPath(l *Link) string {
	for _, prefix := range [...]string{"/amp/", "/c/", "/v/", "/i/", "/wp/"} {
		rest, ok := strings.CutPrefix(l.tail, prefix)
		if !ok {
			continue
		}
		scheme := "http://"
		if r, secure := strings.CutPrefix(rest, "s/"); secure {
			scheme, rest = "https://", r
		}
		if schemeless(rest) {
			return scheme + rest
		}
	}
	return ""
}

// translateHost reads example-com.translate.goog: "-" is a dot, "--" a hyphen.
func translateHost(l *Link) string {
	label, ok := strings.CutSuffix(l.Host, ".translate.goog")
	if !ok || strings.Contains(label, ".") {
		return ""
	}
	host := strings.NewReplacer("--", "-", "-", ".").Replace(label)
	if !schemeless(host) {
		return ""
	}
	return "https://" + host + l.tail
}

// sophos reads protection.sophos.com/?d=host&u=BASE64…; d alone where u is unreadable.
var sophos = []decoder{base64Param("u", ""), param("u"), domainParam("d")}
