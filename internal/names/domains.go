package names

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// The classes of DomainMatch.
const (
	DomainExact          = "exact"
	DomainSubdomain      = "subdomain"       // of the protected domain itself
	DomainHomoglyph      = "homoglyph"       // letters that look like others
	DomainPunycode       = "punycode"        // the same, written as xn--
	DomainStrokes        = "rn-m"            // rn for m, vv for w, cl for d
	DomainMissing        = "typo-missing"    // a letter missing
	DomainAdded          = "typo-added"      // a letter too many
	DomainSwapped        = "typo-swapped"    // two letters swapped
	DomainReplaced       = "typo-replaced"   // a letter for another
	DomainVowel          = "vowel-swap"      // a vowel for another
	DomainBitsquat       = "bitsquat"        // one bit of one letter (Dinaburg, 2011)
	DomainHyphenation    = "hyphenation"     // a hyphen more or less
	DomainOtherTLD       = "other-tld"       // the same name elsewhere
	DomainAddedWord      = "added-word"      // parliament-login
	DomainSubdomainTrick = "subdomain-trick" // parliament.example.evil.example
)

// DomainEntry is one protected domain of the organisation Key.
type DomainEntry struct {
	Key    int
	Domain string
}

// DomainMatch is one protected domain that a domain is, belongs to, or resembles.
type DomainMatch struct {
	Key    int
	Domain string // as protected
	Class  string
	Score  float64 // 0 to 1
	Why    string
}

// DomainIndex finds protected domains that a domain resembles. It never changes
// once built.
//
// What is compared is the label that was registered: the one left of the public
// suffix. Short labels are neighbours of everything, so labels of up to four
// letters have no look-alikes by spelling, and labels that are ordinary words
// have none in other top-level domains.
type DomainIndex struct {
	seed    maphash.Seed
	entries []protected
	exact   map[string][]int32
	parts   hashed
}

// protected is a protected domain, taken apart.
type protected struct {
	DomainEntry
	domain string // in A-labels
	label  string // registered label, in Unicode
	suffix string // public suffix
}

// The kinds of key in DomainIndex.parts.
const (
	kindLabel uint64 = iota + 101
	kindLabelShape
	kindLabelDeletion
	kindDotless
	kindSequence
)

func (x *DomainIndex) key(kind uint64, s string) uint64 {
	return maphash.String(x.seed, s) ^ spread(kind)
}

func (x *DomainIndex) deletionKey(b []byte) uint64 {
	return maphash.Bytes(x.seed, b) ^ spread(kindLabelDeletion)
}

// NewDomainIndex indexes the entries. One that is no domain is left out.
func NewDomainIndex(entries []DomainEntry) *DomainIndex {
	x := &DomainIndex{seed: maphash.MakeSeed(), exact: map[string][]int32{}}
	f := newFiling(20 * len(entries))
	for _, e := range entries {
		domain, _ := asciiDomain(e.Domain)
		if domain == "" {
			continue
		}
		p := protected{DomainEntry: e, domain: domain}
		p.label, p.suffix, _ = registered(domain)
		p.label = unicodeLabel(p.label)
		id := int32(len(x.entries))
		x.entries = append(x.entries, p)
		x.exact[domain] = append(x.exact[domain], id)
		x.file(f, &p, id)
	}
	x.parts = f.build()
	return x
}

func (x *DomainIndex) file(f *filing, p *protected, id int32) {
	f.add(x.key(kindLabel, p.label), id)
	f.add(x.key(kindLabelShape, shape(p.label)), id)
	f.add(x.key(kindDotless, p.label+strings.ReplaceAll(p.suffix, ".", "")), id)
	f.add(x.key(kindSequence, sequence(p.domain)), id)
	if len(p.label) > shortLabel {
		deletions(p.label, func(b []byte) {
			f.add(x.deletionKey(b), id)
		})
	}
}

// shortLabel is the length up to which a label has no look-alikes by spelling.
const shortLabel = 4

// maxDomain is the longest name (RFC 1035 §2.3.4) with room for Unicode.
const maxDomain = 1024

// asciiDomain returns a domain in small A-labels, and whether it was written in
// another form. It is lenient where IDNA would refuse: attackers' domains must be
// compared too.
func asciiDomain(domain string) (ascii string, unicode bool) {
	domain = strings.Trim(domain, ". ")
	if domain == "" || len(domain) > maxDomain {
		return "", false
	}
	if isASCII(domain) {
		return strings.ToLower(domain), false
	}
	domain = strings.NewReplacer("。", ".", "．", ".", "｡", ".").Replace(lower(domain))
	ascii, err := idna.Punycode.ToASCII(domain)
	if err != nil {
		return domain, true
	}
	return strings.Trim(ascii, "."), true
}

func unicodeLabel(label string) string {
	if !strings.HasPrefix(label, "xn--") {
		return label
	}
	if u, err := idna.Punycode.ToUnicode(label); err == nil {
		return u
	}
	return label
}

// registered divides a domain into the label that was registered, the public
// suffix right of it, and what stands left of it.
func registered(domain string) (label, suffix, left string) {
	suffix, _ = publicsuffix.PublicSuffix(domain)
	rest := strings.TrimSuffix(strings.TrimSuffix(domain, suffix), ".")
	if rest == "" { // a public suffix itself: its first label is what people know
		label, suffix, _ = strings.Cut(domain, ".")
		return label, suffix, ""
	}
	if dot := strings.LastIndexByte(rest, '.'); dot >= 0 {
		return rest[dot+1:], suffix, rest[:dot]
	}
	return rest, suffix, ""
}

// sequence writes a host so that the boundaries of its words are alike.
func sequence(host string) string { return strings.ReplaceAll(host, "-", ".") }

// subject is a domain being looked up.
type subject struct {
	x       *DomainIndex
	host    string // in A-labels
	label   string // in Unicode
	suffix  string
	left    string
	unicode bool // written in Unicode, not as xn--
	found   []DomainMatch
}

// Lookup returns what domain is, belongs to, or resembles, best first. A protected
// domain and its own subdomains are returned as such, without look-alikes.
func (x *DomainIndex) Lookup(domain string) []DomainMatch {
	host, unicode := asciiDomain(domain)
	if host == "" || len(x.entries) == 0 {
		return nil
	}
	if own := x.own(host); own != nil {
		return own
	}
	s := subject{x: x, host: host, unicode: unicode}
	s.label, s.suffix, s.left = registered(host)
	s.label = unicodeLabel(s.label)
	s.sameLabel()
	s.sameShape()
	s.oneSlip()
	s.addedWord()
	s.tricks()
	slices.SortFunc(s.found, func(a, b DomainMatch) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Domain, b.Domain))
	})
	return s.found
}

// own finds the protected domains that host is or belongs to, the closest first.
func (x *DomainIndex) own(host string) (out []DomainMatch) {
	for rest := host; ; {
		for _, id := range x.exact[rest] {
			e := &x.entries[id]
			class, why := DomainSubdomain, "belongs to "+e.Domain
			if rest == host {
				class, why = DomainExact, "is "+e.Domain
			}
			out = append(out, DomainMatch{Key: e.Key, Domain: e.Domain, Class: class, Score: 1, Why: why})
		}
		_, after, more := strings.Cut(rest, ".")
		if !more {
			return out
		}
		rest = after
	}
}

// weight says how much of a name a label is: by its length, and whether it is an
// ordinary word.
func weight(label string) float64 {
	w := 1.0
	switch n := len(label); {
	case n <= 3:
		w = 0.4
	case n == 4:
		w = 0.7
	case n == 5:
		w = 0.85
	case n == 6:
		w = 0.92
	}
	if ordinary(label) {
		w *= 0.6
	}
	return w
}

// ordinary holds for the words that many unrelated domains bear. A long one is
// distinctive all the same.
func ordinary(label string) bool {
	return len(label) < 8 && (generic[label] || bait[label] || givenName(label) || commonSurname[label])
}

// add notes a look-alike unless the entry has a better one already. The same
// registered domain has the same owner and imitates nobody.
func (s *subject) add(id int32, class string, score float64, format string, args ...any) {
	e := &s.x.entries[id]
	if score < Floor || e.label == s.label && e.suffix == s.suffix {
		return
	}
	for i := range s.found {
		if f := &s.found[i]; f.Key == e.Key && f.Domain == e.Domain {
			if f.Score < score {
				*f = DomainMatch{e.Key, e.Domain, class, score, fmt.Sprintf(format, args...)}
			}
			return
		}
	}
	s.found = append(s.found, DomainMatch{e.Key, e.Domain, class, score, fmt.Sprintf(format, args...)})
}

func (s *subject) each(kind uint64, k string, yield func(id int32, e *protected)) {
	s.x.parts.each(s.x.key(kind, k), func(id int32) bool {
		yield(id, &s.x.entries[id])
		return true
	})
}

func (s *subject) sameLabel() {
	s.each(kindLabel, s.label, func(id int32, e *protected) {
		s.add(id, DomainOtherTLD, 0.82*weight(e.label), "%q stands under .%s instead of .%s", e.label, s.suffix, e.suffix)
	})
	s.each(kindDotless, s.label, func(id int32, e *protected) {
		s.add(id, DomainAddedWord, 0.85*weight(e.label), "%q is %s without its dot", s.label, e.Domain)
	})
}

// elsewhere lowers the score of an altered label under another suffix: two
// differences are more often chance than one.
func (s *subject) elsewhere(e *protected) float64 {
	if s.suffix == e.suffix {
		return 1
	}
	return 0.92
}

func (s *subject) sameShape() {
	s.each(kindLabelShape, shape(s.label), func(id int32, e *protected) {
		if s.label == e.label || isASCII(s.label) && (len(e.label) < shortLabel || ordinary(s.label)) {
			return
		}
		class := s.shapeClass(s.label)
		s.add(id, class, 0.97*max(weight(e.label), 0.8)*s.elsewhere(e), "%q looks like %q", s.label, e.label)
	})
}

// shapeClass says which kind of look-alike letters a label has.
func (s *subject) shapeClass(label string) string {
	switch {
	case !isASCII(label) && !s.unicode:
		return DomainPunycode
	case !isASCII(label) || strings.ContainsAny(label, "0123456789"):
		return DomainHomoglyph
	}
	return DomainStrokes
}

func (s *subject) oneSlip() {
	if len(s.label) < shortLabel || ordinary(s.label) {
		return // an ordinary word stands for itself
	}
	deletions(s.label, func(b []byte) {
		s.x.parts.each(s.x.deletionKey(b), func(id int32) bool {
			e := &s.x.entries[id]
			if edit, at := oneSlip(s.label, e.label); edit != noSlip && edit != farApart {
				class, score := labelSlip(edit, at, s.label, e.label)
				s.add(id, class, score*weight(e.label)*s.elsewhere(e), "%q differs from %q: %s", s.label, e.label, edit)
			}
			return true
		})
	})
}

// labelSlip classes one edit between a label and the protected one.
func labelSlip(edit slip, at int, label, truth string) (class string, score float64) {
	switch {
	case edit == missing && truth[at] == '-', edit == added && label[at] == '-':
		return DomainHyphenation, 0.93
	case edit == missing:
		class, score = DomainMissing, 0.88
	case edit == added:
		class, score = DomainAdded, 0.87
	case edit == swapped:
		class, score = DomainSwapped, 0.92
	default:
		class, score = replacedLetter(label[at], truth[at])
	}
	if at == 0 {
		score -= 0.1
	}
	if at >= len(truth)-1 && edit == added && label[at] == 's' {
		score -= 0.1 // a plural
	}
	if len(truth) == shortLabel+1 && edit != swapped {
		score -= 0.15
	}
	return class, score
}

func replacedLetter(is, was byte) (class string, score float64) {
	bit := is ^ was
	switch {
	case vowel(is) && vowel(was):
		return DomainVowel, 0.88
	case lookAlike(is, was):
		return DomainReplaced, 0.9
	case bit&(bit-1) == 0:
		return DomainBitsquat, 0.85
	}
	return DomainReplaced, 0.84
}
