package pack

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"portcullis.example/portcullis"
)

// A pack is as good as its values are hard to guess. What can be listed can be guessed, whatever
// it looks like, so the first question is not how random a value looks but whether it is on a
// list that anybody can get:
//
//   - every registered domain is in zone files and feeds of them: some 370 million (Domain Name
//     Industry Brief, 2025)
//   - every host that has a certificate is in the public logs of certificates: some ten
//     billion names
//   - some ten billion addresses of people have leaked
//   - of IPv4 addresses there are 3.7 billion in public use, of announced IPv6 networks about 250,000
//
// Within these, short names and names made of common words come first in any list. The
// estimate is an upper bound on a guesser's work: that something is not flagged does not say that it is safe.
const (
	registered  = 370e6
	certified   = 10e9
	leaked      = 10e9
	publicIPv4  = 3.7e9
	announced   = 250e3
	unguessable = 1e30
)

// Guessable is an indicator that is quickly guessed.
type Guessable struct {
	Indicator portcullis.Indicator `json:"indicator"`
	Guesses   float64              `json:"guesses"` // at most so many
	Days      float64              `json:"days"`    // of one core
	Why       string               `json:"why"`
}

// Class is how the indicators of one sort can be listed.
type Class struct {
	What    string  `json:"what"`
	Count   int     `json:"count"`
	Guesses float64 `json:"guesses"`
	Days    float64 `json:"days"` // of one core, for all of them together
}

// quick is from how many days of one core on an indicator is no longer flagged by itself.
const quick = 1.0

type estimate struct {
	guesses float64
	why     string
	class   string
	listing float64 // how long the list is that all of the class are on
}

func estimateOf(in Input) estimate {
	switch in.Kind {
	case KindDomain, KindAt:
		return domainEstimate(in.Value)
	case KindIP:
		if ip, err := netip.ParseAddr(in.Value); err == nil && ip.Is4() {
			return estimate{publicIPv4, "IPv4 addresses can be counted", "IPv4 addresses", publicIPv4}
		}
	case KindNetwork:
		return networkEstimate(in.Value)
	case KindEmail:
		at := strings.LastIndexByte(in.Value, '@')
		bits := textBits(in.Value[:max(at, 0)])
		return estimate{math.Min(leaked, math.Exp2(bits)*registered), "people's addresses have leaked by the billion", "addresses of people", leaked}
	case KindURL, KindUnder:
		return urlEstimate(in.Value)
	case KindSubject, KindFileName:
		return estimate{guesses: math.Min(unguessable, math.Exp2(textBits(in.Value))), why: "it is made of few common words"}
	}
	return estimate{guesses: unguessable}
}

func domainEstimate(domain string) estimate {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	own := strings.TrimSuffix(strings.TrimSuffix(domain, suffix), ".")
	at := strings.LastIndexByte(own, '.')
	label := own[at+1:]
	named := math.Min(registered, math.Exp2(textBits(label))*suffixes(suffix))
	if at < 0 {
		return estimate{named, labelWhy(label), "registered domains", registered}
	}
	below := named * math.Exp2(textBits(own[:at]))
	return estimate{math.Min(certified, below), "its name is short or made of common words", "hosts below a domain", certified}
}

func labelWhy(label string) string {
	if len(label) <= 5 {
		return "its name is short"
	}
	return "its name is made of common words"
}

// suffixes is how many ends a guesser tries with a name: a handful holds most registrations.
func suffixes(suffix string) float64 {
	if slices.Contains([]string{"com", "net", "org", "info", "de", "uk", "cn", "eu"}, suffix) {
		return 8
	}
	return 1500
}

func networkEstimate(value string) estimate {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return estimate{guesses: unguessable}
	}
	if p.Addr().Is4() {
		return estimate{math.Exp2(float64(p.Bits())), "IPv4 networks can be counted", "IPv4 networks", math.Exp2(float64(p.Bits()))}
	}
	return estimate{announced, "announced IPv6 networks are public", "IPv6 networks", announced}
}

func urlEstimate(plain string) estimate {
	if !strings.HasPrefix(plain, webSlashes) {
		return estimate{guesses: math.Min(unguessable, math.Exp2(textBits(plain))), why: "it is short"}
	}
	host := hostOf(plain)
	_, path, _ := strings.Cut(strings.TrimPrefix(plain, webSlashes), "/")
	e := domainEstimate(host)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		e.guesses = publicIPv4
	}
	return estimate{guesses: math.Min(unguessable, e.guesses*math.Exp2(textBits(path))), why: "its host and path are common"}
}

// commonWords are what false sites are named after. A word of the list costs a guesser eight
// bits, any other letter 4.7.
var commonWords = strings.Fields(`account admin alert app api auth bank billing blog box business card center chat check city click
client cloud code company confirm connect contact corp crypto customer daily data delivery desk digital direct doc docs document
download drive email europe event express file files finance form forum free gate global gov government group health help home host
hosting house id image info insight international invoice law legal letter link live local login mail manage market media meeting
member mobile my net network new news now office official one online open order page paper parliament pay payment pdf people
policy portal post press privacy profile protect public report research reset review safe sale search secure security server
service services share shop shopping sign site smart social software solutions start state static store storage stream summit support
system team tech think times tool tools track tracker tracking trade travel trust update upload user verify video view web
webmail website work world www`)

var wordBits, letterBits, digitBits, signBits = 8.0, 4.7, 3.4, 1.0

// textBits estimates how many bits a guesser needs who tries words, then letters.
func textBits(s string) (bits float64) {
	s = strings.ToLower(s)
	for s != "" {
		if word := longestWord(s); word != "" {
			bits += wordBits
			s = s[len(word):]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case unicode.IsLetter(r):
			bits += letterBits
		case unicode.IsDigit(r):
			bits += digitBits
		default:
			bits += signBits
		}
		s = s[size:]
	}
	return bits
}

func longestWord(s string) (word string) {
	for _, w := range commonWords {
		if len(w) > len(word) && len(w) > 2 && strings.HasPrefix(s, w) {
			word = w
		}
	}
	return word
}

// days is how many days of one core so many guesses take at a rate.
func days(guesses, rate float64) float64 { return guesses / rate / 86400 }
