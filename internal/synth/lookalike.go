package synth

import (
	"slices"
	"strings"
)

// toASCII writes a domain with its labels in punycode where needed (RFC 5890).
func toASCII(domain string) string {
	labels := strings.Split(domain, ".")
	for i, l := range labels {
		if !isASCII(l) {
			labels[i] = "xn--" + punycode(l)
		}
	}
	return strings.Join(labels, ".")
}

// punycode encodes one label (RFC 3492 §6.3).
func punycode(label string) string {
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < 0x80 {
			out = append(out, byte(r))
		}
	}
	done, basic := len(out), len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(0x80), 0, 72
	for done < len(runes) {
		next := nextRune(runes, n)
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r == n {
				out = appendVariable(out, delta, bias)
				bias = adapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
		n++
	}
	return string(out)
}

// nextRune is the smallest rune that is at least n.
func nextRune(runes []rune, n rune) rune {
	next := rune(0x7fffffff)
	for _, r := range runes {
		if r >= n && r < next {
			next = r
		}
	}
	return next
}

// appendVariable writes a generalised variable-length integer (RFC 3492 §3.3).
func appendVariable(out []byte, q, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := 36; ; k += 36 {
		t := min(max(k-bias, 1), 26)
		if q < t {
			return append(out, digits[q])
		}
		out = append(out, digits[t+(q-t)%(36-t)])
		q = (q - t) / (36 - t)
	}
}

// adapt is the bias adaptation (RFC 3492 §6.1).
func adapt(delta, points int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > 455 {
		delta /= 35
		k += 36
	}
	return k + 36*delta/(delta+38)
}

// confusables are letters of other scripts that look like Latin ones (UTS #39).
var confusables = map[rune][]rune{
	'a': {'а', 'ɑ', 'α'}, 'c': {'с', 'ϲ'}, 'e': {'е', 'е'}, 'i': {'і', 'і'}, 'j': {'ј', 'ј'}, 'o': {'о', 'ο', 'օ'}, 'p': {'р', 'ρ'},
	's': {'ѕ', 'ѕ'}, 'x': {'х', 'х'}, 'y': {'у', 'у'}, 'h': {'һ', 'հ'}, 'd': {'ԁ', 'ԁ'}, 'g': {'ɡ', 'ɡ'}, 'n': {'ո', 'ո'}, 'u': {'ս', 'ս'}, 'l': {'ӏ', 'ӏ'}, 'v': {'ν', 'ѵ'}, 'w': {'ԝ', 'ԝ'},
	'A': {'А', 'Α'}, 'B': {'В', 'Β'}, 'C': {'С', 'Ϲ'}, 'E': {'Е', 'Ε'}, 'H': {'Н', 'Η'}, 'I': {'І', 'Ι'}, 'J': {'Ј', 'Ј'}, 'K': {'К', 'Κ'},
	'M': {'М', 'Μ'}, 'N': {'Ν', 'Ν'}, 'O': {'О', 'Ο'}, 'P': {'Р', 'Ρ'}, 'S': {'Ѕ', 'Ѕ'}, 'T': {'Т', 'Τ'}, 'X': {'Х', 'Χ'}, 'Y': {'Ү', 'Υ'}, 'Z': {'Ζ', 'Ζ'},
}

// confuse replaces up to k letters by look-alikes; at least one if there is any.
func (d *draw) confuse(s string, k int) string {
	runes := []rune(s)
	var places []int
	for i, r := range runes {
		if confusables[r] != nil {
			places = append(places, i)
		}
	}
	for _, i := range some(d, places, k) {
		runes[i] = one(d, confusables[runes[i]])
	}
	return string(runes)
}

// label splits off the label an attacker would register: the one before the top-level domain.
func label(domain string) (before, label, tld string) {
	parts := strings.Split(domain, ".")
	n := len(parts)
	for _, p := range parts[:n-2] {
		before += p + "."
	}
	return before, parts[n-2], parts[n-1]
}

// lookalike are the ways to make a domain that is taken for another.
var lookalikes = map[string]func(d *draw, domain string) string{
	"domain-homoglyph": (*draw).homoglyphDomain,
	"domain-rnm":       rnm,
	"domain-missing":   (*draw).missingLetter,
	"domain-added":     (*draw).addedLetter,
	"domain-swapped":   (*draw).swappedLetters,
	"domain-tld":       (*draw).otherTLD,
	"domain-word":      (*draw).addedWord,
	"domain-subdomain": (*draw).subdomainTrick,
	"domain-punycode":  (*draw).punycodeDomain,
}

func (d *draw) homoglyphDomain(domain string) string {
	before, l, tld := label(domain)
	if d.chance(50) {
		return before + d.confuse(l, d.between(1, 2)) + "." + tld
	}
	var options []string
	for _, pair := range []string{"l1", "o0", "i1", "il", "e3", "a4"} {
		if strings.Contains(l, pair[:1]) {
			options = append(options, strings.Replace(l, pair[:1], pair[1:], 1))
		}
	}
	for _, pair := range [][2]string{{"w", "vv"}, {"d", "cl"}} {
		if strings.Contains(l, pair[0]) {
			options = append(options, strings.Replace(l, pair[0], pair[1], 1))
		}
	}
	if len(options) == 0 {
		return before + d.confuse(l, 1) + "." + tld
	}
	return before + one(d, options) + "." + tld
}

// rnm writes rn for m; every domain it is used on has an m or an n.
func rnm(d *draw, domain string) string {
	before, l, tld := label(domain)
	switch {
	case strings.Contains(l, "rn"):
		return before + strings.Replace(l, "rn", "m", 1) + "." + tld
	case strings.Contains(l, "m"):
		return before + strings.Replace(l, "m", "rn", 1) + "." + tld
	default:
		return before + strings.Replace(l, "nn", "m", 1) + "." + tld
	}
}

func (d *draw) missingLetter(domain string) string {
	before, l, tld := label(domain)
	i := d.between(1, len(l)-2)
	return before + strings.Trim(l[:i]+l[i+1:], "-") + "." + tld
}

func (d *draw) addedLetter(domain string) string {
	before, l, tld := label(domain)
	i := d.between(1, len(l)-1)
	added := l[i : i+1]
	if added == "-" || d.chance(40) {
		added = d.letters("aeinrst", 1)
	}
	return before + l[:i] + added + l[i:] + "." + tld
}

func (d *draw) swappedLetters(domain string) string {
	before, l, tld := label(domain)
	var places []int
	for i := 1; i < len(l)-1; i++ {
		if l[i] != l[i+1] && l[i] != '-' && l[i+1] != '-' {
			places = append(places, i)
		}
	}
	i := one(d, places)
	return before + l[:i] + l[i+1:i+2] + l[i:i+1] + l[i+2:] + "." + tld
}

var reservedTLDs = []string{"example", "test", "invalid"}

func (d *draw) otherTLD(domain string) string {
	before, l, tld := label(domain)
	others := slices.DeleteFunc(slices.Clone(reservedTLDs), func(t string) bool { return t == tld })
	return before + l + "." + one(d, others)
}

var addedWords = []string{
	"-office", "-mail", "-online", "-secretariat", "-members", "-portal", "-services", "-info", "-official", "-team", "-int", "-web", "mail-", "my-", "the-", "secure-", "e-", "office-", "intranet-", "staff-",
}

func (d *draw) addedWord(domain string) string {
	before, l, tld := label(domain)
	word := own(d, addedWords)
	if d.chance(30) {
		tld = one(d, reservedTLDs[:2])
	}
	if d.chance(25) {
		word = strings.Trim(word, "-")
	}
	if strings.HasSuffix(word, "-") || len(word)%2 == 1 && !strings.HasPrefix(word, "-") {
		return before + word + l + "." + tld
	}
	return before + l + word + "." + tld
}

var hostWords = []string{
	"mailgate", "docs-share", "webaccess", "message-center", "cloudstore", "verify-user", "fileroom", "secure-session", "members-area", "onlinedesk", "userportal", "mail-relay",
}

func (d *draw) subdomainTrick(domain string) string {
	host := own(d, hostWords) + "." + one(d, reservedTLDs[:2])
	if d.chance(30) {
		return strings.ReplaceAll(domain, ".", "-") + "." + host
	}
	return domain + "." + host
}

var marked = strings.NewReplacer("a", "á", "i", "í", "e", "è", "o", "ö", "u", "ü")

// punycodeDomain is written in A-labels: letters of another script, or marks that few will see.
func (d *draw) punycodeDomain(domain string) string {
	before, l, tld := label(domain)
	if d.chance(50) {
		return toASCII(before + d.confuse(l, d.between(1, 3)) + "." + tld)
	}
	i := strings.IndexAny(l, "aieou")
	return toASCII(before + l[:i] + marked.Replace(l[i:i+1]) + l[i+1:] + "." + tld)
}
