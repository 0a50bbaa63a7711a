package synth

import (
	"strings"
	"unicode"
)

// disguise is one way of writing a name so that people take it for the person.
// It gives "" where the name does not lend itself to it.
type disguise func(d *draw, p *Person) string

var disguises = map[string]disguise{
	"exact":          func(d *draw, p *Person) string { return one(d, append([]string{p.Name}, p.Latin())) },
	"reordered":      (*draw).reordered,
	"initials":       (*draw).initials,
	"title":          (*draw).titled,
	"nickname":       nicknamed,
	"transliterated": (*draw).transliterated,
	"homoglyph":      (*draw).homoglyphName,
	"invisible":      (*draw).invisibleName,
}

func (d *draw) reordered(p *Person) string {
	given, family := p.given.latin, p.family.latin
	return one(d, []string{strings.ToUpper(family) + ", " + given, family + ", " + given, family + " " + given, strings.ToUpper(family) + " " + given})
}

func (d *draw) initials(p *Person) string {
	family := p.family.latin
	initial := string([]rune(p.given.latin)[:1])
	return one(d, []string{initial + ". " + family, initial + " " + family, family + ", " + initial + ".", initial + "." + family})
}

var titles = map[string][]string{
	"en": {"Dr. %", "Rt Hon % MP", "% MP", "Prof. %", "Hon. %", "Sen. %", "% (Member of Parliament)", "The Hon. % MP"},
	"de": {"Dr. %", "% MdB", "Prof. Dr. %", "Abg. %", "Dr. % MdB", "%, Mitglied des Parlaments"},
	"fr": {"M./Mme %", "%, député(e)", "Député %", "Dr %"},
	"es": {"Excmo/a. %", "Dip. %", "D./Dña. %", "Dr. %"},
	"it": {"On. %", "Sen. %", "Dott. %", "%, deputato"},
	"pl": {"Poseł %", "dr %", "prof. %", "Senator %"},
	"nl": {"Dhr./Mevr. %", "drs. %", "Kamerlid %", "mr. %"},
}

func (d *draw) titled(p *Person) string {
	list := titles[p.Language]
	if list == nil {
		list = titles["en"]
	}
	return strings.Replace(one(d, list), "%", p.Latin(), 1)
}

func nicknamed(_ *draw, p *Person) string {
	if p.given.nick == "" {
		return ""
	}
	return p.given.nick + " " + p.family.latin
}

func (d *draw) homoglyphName(p *Person) string {
	if d.chance(12) {
		return restyle(p.Latin(), one(d, []rune{'𝐀', '𝖠', 'Ａ'}))
	}
	name := d.confuse(p.Latin(), d.between(1, 4))
	if name == p.Latin() {
		return ""
	}
	return name
}

// restyle writes ASCII letters in mathematical or full-width ones, which begin at the given capital A.
func restyle(name string, capital rune) string {
	gap := rune(26)
	if capital == 'Ａ' {
		gap = 32
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return capital + r - 'A'
		case r >= 'a' && r <= 'z':
			return capital + gap + r - 'a'
		}
		return r
	}, name)
}

// invisibleName hides characters that show nothing, or turns the direction twice.
func (d *draw) invisibleName(p *Person) string {
	name := []rune(p.Latin())
	if d.chance(25) { // shown left to right all the same
		return "\u202e" + reverse(string(name)) + "\u202c"
	}
	hidden := one(d, []string{"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u2063"})
	i := d.between(1, len(name)-1)
	out := string(name[:i]) + hidden + string(name[i:])
	if d.chance(30) {
		out = hidden + out
	}
	return out
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// Other customary ways to write Cyrillic and Arabic names in Latin letters:
// German, French, scholarly.
var romanisations = []*strings.Replacer{
	strings.NewReplacer("щ", "schtsch", "Щ", "Schtsch", "ш", "sch", "Ш", "Sch", "ч", "tsch", "ж", "sch", "Ж", "Sch", "х", "ch", "Х", "Ch", "ц", "z", "Ц", "Z", "ю", "ju", "Ю", "Ju", "я", "ja", "ь", "", "й", "j", "Й", "J", "в", "w", "і", "i", "І", "I", "ї", "ji", "и", "y", "з", "s", "З", "S", "г", "h", "Г", "H"),
	strings.NewReplacer("щ", "chtch", "Щ", "Chtch", "ш", "ch", "Ш", "Ch", "ч", "tch", "ж", "j", "Ж", "J", "х", "kh", "Х", "Kh", "ц", "ts", "Ц", "Ts", "ю", "iou", "Ю", "Iou", "я", "ia", "ь", "", "й", "ï", "Й", "Y", "в", "v", "у", "ou", "і", "i", "І", "I", "ї", "ï", "и", "y", "г", "h", "Г", "H"),
	strings.NewReplacer("щ", "šč", "Щ", "Šč", "ш", "š", "Ш", "Š", "ч", "č", "ж", "ž", "Ж", "Ž", "х", "ch", "Х", "Ch", "ц", "c", "Ц", "C", "ю", "ju", "Ю", "Ju", "я", "ja", "ь", "", "й", "j", "Й", "J", "в", "v", "і", "i", "І", "I", "ї", "ï", "и", "y", "г", "h", "Г", "H"),
}

var plainCyrillic = strings.NewReplacer("а", "a", "А", "A", "б", "b", "Б", "B", "в", "v", "В", "V", "г", "g", "д", "d", "Д", "D", "е", "e", "Е", "E", "з", "z", "З", "Z",
	"и", "i", "И", "I", "к", "k", "К", "K", "л", "l", "Л", "L", "м", "m", "М", "M", "н", "n", "Н", "N", "о", "o", "О", "O", "п", "p", "П", "P", "р", "r", "Р", "R", "с", "s", "С", "S",
	"т", "t", "Т", "T", "у", "u", "У", "U", "ф", "f", "Ф", "F", "ъ", "a", "є", "ie", "Є", "Ye", "ґ", "g", "ы", "y", "Ю", "Yu")

var arabicVariants = strings.NewReplacer("Ahmad", "Ahmed", "Layla", "Leila", "Fatima", "Fatma", "Yusuf", "Youssef", "Maryam", "Mariam", "Khalid", "Khaled", "Tariq", "Tarek", "Salma", "Selma",
	"Mansour", "Mansur", "Khoury", "Khouri", "Sulayman", "Suleiman", "Saleh", "Salih", "Karim", "Kareem", "Haddad", "Hadad", "Nassar", "Nasser")

var toCyrillic = strings.NewReplacer("sch", "ш", "Sch", "Ш", "sh", "ш", "Sh", "Ш", "ch", "ч", "Ch", "Ч", "ck", "к", "ph", "ф", "Ph", "Ф", "th", "т", "Th", "Т",
	"a", "а", "b", "б", "c", "к", "d", "д", "e", "е", "f", "ф", "g", "г", "h", "х", "i", "и", "j", "й", "k", "к", "l", "л", "m", "м", "n", "н", "o", "о", "p", "п", "r", "р", "s", "с", "t", "т", "u", "у", "v", "в", "w", "в", "x", "кс", "y", "й", "z", "з",
	"A", "А", "B", "Б", "C", "К", "D", "Д", "E", "Э", "F", "Ф", "G", "Г", "H", "Х", "I", "И", "J", "Й", "K", "К", "L", "Л", "M", "М", "N", "Н", "O", "О", "P", "П", "R", "Р", "S", "С", "T", "Т", "U", "У", "V", "В", "W", "В", "Y", "Й", "Z", "З")

// transliterated writes the name as another language's readers would.
func (d *draw) transliterated(p *Person) string {
	latin, native := p.Latin(), p.native()
	switch {
	case p.Language == "uk" && native != latin, unicode.In([]rune(native)[0], unicode.Cyrillic):
		return plainCyrillic.Replace(one(d, romanisations).Replace(native))
	case unicode.In([]rune(native)[0], unicode.Arabic):
		return arabicVariants.Replace(latin)
	case p.Language == "zh" && native != latin:
		if p.Name == latin && len(p.Names) == 0 && d.chance(60) {
			return native
		}
		return one(d, []string{p.family.latin + " " + p.given.latin, strings.ToUpper(p.family.latin) + " " + p.given.latin})
	case native != latin:
		return native
	case ascii(latin) != latin:
		return one(d, []string{ascii(latin), bare(latin)})
	case d.chance(50) && strings.ContainsAny(p.Language, "de it"):
		return toCyrillic.Replace(latin)
	}
	return ""
}

// bare drops marks from letters: Müller becomes Muller.
func bare(name string) string {
	return ascii(strings.NewReplacer("ä", "a", "ö", "o", "ü", "u", "Ä", "A", "Ö", "O", "Ü", "U", "ø", "o", "Ø", "O").Replace(name))
}
