package synth

import (
	_ "embed"
	"strings"
	"unicode"
)

//go:embed text/names.txt
var namesText string

// word is one name as its bearer writes it and as others know it.
type word struct {
	latin  string // customary Latin spelling
	native string // in its own script; empty if that is Latin
	nick   string // what friends say; empty if nothing else
}

// culture is a stock of names that go together.
type culture struct {
	code          string
	given, family []word
}

// readCultures parses names.txt. It is read again by every generator call
// rather than kept in a global: it costs a millisecond.
func readCultures() []culture {
	var out []culture
	for line := range strings.Lines(namesText) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "=":
			out = append(out, culture{code: rest})
		case "given:":
			out[len(out)-1].given = readWords(rest)
		case "family:":
			out[len(out)-1].family = readWords(rest)
		}
	}
	return out
}

func readWords(line string) []word {
	var out []word
	for _, field := range strings.Fields(line) {
		field = strings.ReplaceAll(field, "_", " ")
		name, nick, _ := strings.Cut(field, ":")
		native, latin, two := strings.Cut(name, "|")
		if !two {
			native, latin = "", name
		}
		out = append(out, word{latin: latin, native: native, nick: nick})
	}
	return out
}

// language is what somebody of the culture writes mail in. Most house business is
// in English, which stands in for languages there are no templates for.
func (c culture) language() string {
	switch c.code {
	case "de", "fr", "es", "pl", "nl", "it", "uk", "zh":
		return c.code
	default:
		return "en"
	}
}

// folding spells Latin letters with marks in ASCII, as address books do.
var folding = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss",
	"á", "a", "à", "a", "â", "a", "ã", "a", "å", "a", "ă", "a", "ą", "a", "ả", "a", "ạ", "a", "Á", "A", "Å", "A", "ê", "e",
	"é", "e", "è", "e", "ë", "e", "ę", "e", "ě", "e", "É", "E", "È", "E", "ế", "e", "ễ", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ı", "i", "İ", "I", "Í", "I",
	"ó", "o", "ò", "o", "ô", "o", "õ", "o", "ø", "oe", "Ø", "Oe", "ő", "o", "Ó", "O", "Ö", "Oe", "ộ", "o", "ơ", "o",
	"ú", "u", "ù", "u", "û", "u", "ů", "u", "ű", "u", "ũ", "u", "ư", "u", "Ú", "U",
	"ç", "c", "ć", "c", "č", "c", "Ç", "C", "ñ", "n", "ń", "n", "ň", "n", "ł", "l", "Ł", "L", "ś", "s", "š", "s", "ş", "s", "Ś", "S", "Š", "S", "Ş", "S",
	"ź", "z", "ż", "z", "ž", "z", "Ż", "Z", "Ź", "Z", "ğ", "g", "ý", "y", "đ", "d", "Đ", "D", "ð", "d", "æ", "ae", "ř", "r",
	"ạ", "a", "ầ", "a", "ê", "e", "ù", "u", "ứ", "u", "ươ", "uo", "ả", "a", "à", "a", "ỳ", "y", "Õ", "O",
)

// ascii folds a Latin name; what has no folding is dropped.
func ascii(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, folding.Replace(name))
}

// localPart spells a name as used before the @: lower case, ASCII, no spaces.
func localPart(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\'' {
			return -1
		}
		return unicode.ToLower(r)
	}, ascii(name))
}

// stranger is a name of nobody in the house, though it may be the same as somebody's.
type stranger struct {
	given, family word
	lang          string
}

// stranger draws an ordinary person, mostly of the common cultures.
func (d *draw) stranger(cs []culture) stranger {
	c := one(d, cs[:7])
	if d.chance(25) {
		c = one(d, cs)
	}
	return stranger{one(d, c.given), one(d, c.family), c.language()}
}

// strangerIn draws a person who writes the language.
func (d *draw) strangerIn(cs []culture, lang string) stranger {
	for _, c := range cs {
		if c.code == lang {
			return stranger{one(d, c.given), one(d, c.family), lang}
		}
	}
	return d.stranger(cs)
}

func (s stranger) full() string { return s.given.latin + " " + s.family.latin }

// freemail are providers where anybody can have an address.
var freemail = []string{
	"postbox.example", "webmail.example", "freepost.example", "mailhub.example", "inbox.test", "quickmail.example",
	"letterbox.test", "netpost.example", "openmail.example", "mymail.test",
}

// address makes the kind of private address people take: anna.keller71@postbox.example.
func (d *draw) address(given, family string, providers []string) string {
	g, f := localPart(given), localPart(family)
	if g == "" {
		g = "x"
	}
	if f == "" {
		f = "y"
	}
	local := one(d, []string{g + "." + f, g + f, g[:1] + f, f + "." + g, g + "_" + f, g[:1] + "." + f, f + g[:1]})
	if d.chance(45) {
		local += d.letters("0123456789", d.between(1, 3))
	}
	return local + "@" + one(d, providers)
}
