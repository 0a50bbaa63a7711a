package names

import (
	"strings"

	"github.com/gosimple/unidecode"
)

// The common ways to romanise Cyrillic: BGN/PCGN (English), passports (ICAO Doc
// 9303), ISO 9 with its marks dropped, scholarly, German, French in two fashions, and
// the English of no system; then readings that belong to one language: Ukrainian
// (by its own rules, in English, in German), Bulgarian, Serbian.
var (
	cyrillicBase = newScheme(nil, `а=a б=b в=v г=g д=d е=e ё=yo ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f
 х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya і=i ї=yi є=ye ґ=g ў=u ђ=dj ј=j љ=lj њ=nj ћ=c џ=dz ѓ=gj ќ=kj ѕ=dz '= ʼ=`)
	ukrainian = newScheme(cyrillicBase, `г=h и=y зг=zgh й=i ю=iu я=ia ї=i є=ie ^є=ye ^ї=yi ^й=y ^ю=yu ^я=ya`)

	cyrillicSchemes = []*scheme{
		cyrillicBase,
		newScheme(cyrillicBase, `^е=ye ё=e ае=aye ее=eye ие=iye ое=oye ье=ye ий=y ый=y`),
		newScheme(cyrillicBase, `ё=e й=i ю=iu я=ia ъ=ie`),
		newScheme(cyrillicBase, `ж=z х=h ц=c ч=c ш=s щ=s ю=u я=a й=j ё=e`),
		newScheme(cyrillicBase, `ж=z х=h ц=c ч=c ш=s щ=sc ю=ju я=ja й=j ё=e є=je ї=ji`),
		newScheme(cyrillicBase, `в=w ж=sch з=s х=ch ц=z ч=tsch ш=sch щ=schtsch ю=ju я=ja й=i ё=jo ^е=je ий=i чё=tscho шё=scho щё=schtscho жё=scho`),
		newScheme(cyrillicBase, `у=ou ж=j х=kh ч=tch ш=ch щ=chtch ю=iou я=ia й=i ё=io ин=ine`),
		newScheme(cyrillicBase, `у=ou ж=j х=kh ч=tch ш=ch щ=chtch ю=iou я=ia й=i ё=e ге=gue ги=gui ий=i`),
		newScheme(cyrillicBase, `щ=sch ё=e`),
		ukrainian,
		newScheme(ukrainian, `в=w ж=sch з=s х=ch ц=z ч=tsch ш=sch щ=schtsch й=j ю=ju я=ja ї=ji є=je ^й=j ^ю=ju ^я=ja ^ї=ji ^є=je кс=x`),
		newScheme(ukrainian, `й=y ю=yu я=ya ї=yi є=ye ий=yy`),
		newScheme(cyrillicBase, `щ=sht ъ=a х=h ю=yu я=ya`),
		newScheme(cyrillicBase, `х=h ц=c ч=c ш=s ж=z ђ=d љ=lj њ=nj`),
	}
)

// Greek: ELOT 743, everyday English, classical.
var (
	greekBase = newScheme(nil, `α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch
 ψ=ps ω=o ου=ou αυ=av ευ=ev γγ=ng γκ=gk γξ=nx γχ=nch ^μπ=b μπ=mp ντ=nt`)
	greekSchemes = []*scheme{
		greekBase,
		newScheme(greekBase, `χ=h υ=i ου=ou μπ=b ντ=nt ^ντ=d γκ=g αι=e ει=i οι=i`),
		newScheme(greekBase, `χ=kh υ=y ου=u ξ=ks`),
		newScheme(greekBase, `^χατζ=hadj χ=h υ=i ου=ou μπ=b ντ=nt γκ=g`),
		newScheme(greekBase, `β=b η=e υ=y φ=ph αυ=au ευ=eu αι=ai`),
	}
)

// Arabic and Persian leave out short vowels: the two readings below differ in
// the letters that can be a consonant or a long vowel. Matching goes by
// consonants, these are for showing.
var (
	arabicBase = newScheme(nil, `ا=a أ=a إ=i آ=a ب=b ت=t ث=th ج=j ح=h خ=kh د=d ذ=dh ر=r ز=z س=s ش=sh ص=s ض=d ط=t ظ=z ع=a غ=gh ف=f
 ق=q ك=k ک=k ل=l م=m ن=n ه=h ة=a و=w ؤ=u ي=y ی=y ى=a ئ=y ء= پ=p چ=ch ژ=zh گ=g ـ= ^ال=al`)
	arabicSchemes = []*scheme{arabicBase, newScheme(arabicBase, `و=u ي=i ی=i ة=ah`), newScheme(arabicBase, `و=v ق=gh ج=dj`)}

	hebrewBase = newScheme(nil, `א=a ב=b ג=g ד=d ה=h ו=v ז=z ח=h ט=t י=y כ=k ך=k ל=l מ=m ם=m נ=n ן=n ס=s ע=a פ=p ף=f צ=ts ץ=ts ק=k ר=r
 ש=sh ת=t`)
	hebrewSchemes = []*scheme{hebrewBase, newScheme(hebrewBase, `ו=o י=i ח=ch ב=v כ=kh פ=f ש=s`)}
)

// pinyin reads Han characters in Mandarin. The first character, if a surname,
// has the reading it has as one.
func pinyin(w string) string {
	var b strings.Builder
	for i, r := range w {
		if reading, ok := surnameReadings[r]; ok && i == 0 {
			b.WriteString(reading)
			continue
		}
		b.WriteString(letters(unidecode.Unidecode(string(r))))
	}
	return b.String()
}

var surnameReadings = map[rune]string{'曾': "zeng", '单': "shan", '單': "shan", '解': "xie", '查': "zha", '仇': "qiu", '区': "ou", '區': "ou",
	'朴': "piao", '覃': "qin", '缪': "miao", '繆': "miao", '任': "ren", '华': "hua", '華': "hua", '盖': "ge", '乐': "yue", '樂': "yue", '尉': "yu",
	'长': "zhang", '翟': "zhai", '秘': "bi", '冼': "xian", '种': "chong", '重': "chong", '黑': "he", '召': "shao", '员': "yun", '洗': "xian",
	'吕': "lu", '呂': "lu", '宓': "mi", '应': "ying", '應': "ying", '宁': "ning", '俞': "yu", '佘': "she", '邵': "shao", '沈': "shen", '葛': "ge",
	'谢': "xie", '謝': "xie", '车': "che", '車': "che", '郝': "hao", '翁': "weng", '阚': "kan", '卜': "bu", '纪': "ji", '紀': "ji", '费': "fei", '柏': "bai"}

// doubleSurnames are the surnames of two characters, Chinese and Korean.
var doubleSurnames = wordSet(`欧阳 歐陽 司马 司馬 诸葛 諸葛 上官 夏侯 皇甫 尉迟 公孙 公孫 慕容 令狐 长孙 長孫 宇文 司徒 东方 東方 南宫 端木 남궁 황보 제갈 사공 선우 독고`)

// splitHan divides an unspaced Chinese or Korean name into surname and given name.
func splitHan(w string) (surname, given string, ok bool) {
	rs := []rune(w)
	if len(rs) < 2 || len(rs) > 4 {
		return "", "", false
	}
	n := 1
	if len(rs) > 2 && doubleSurnames[string(rs[:2])] {
		n = 2
	}
	if len(rs)-n > 2 {
		return "", "", false
	}
	return string(rs[:n]), string(rs[n:]), true
}

// The parts of a Hangul syllable in Revised Romanisation.
var (
	rrInitial = [...]string{"g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"}
	rrVowel   = [...]string{"a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i"}
	rrFinal   = [...]string{"", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "t"}
)

// customary are spellings of Korean syllables that people use for their own
// names, where these differ from Revised Romanisation.
var customary = map[rune]string{'김': "kim", '이': "lee", '박': "park", '최': "choi", '정': "jung", '강': "kang", '조': "cho", '윤': "yoon",
	'임': "lim", '오': "oh", '신': "shin", '권': "kwon", '안': "ahn", '류': "ryu", '유': "yoo", '고': "ko", '문': "moon", '백': "baek", '허': "hur",
	'노': "noh", '우': "woo", '구': "koo", '전': "jun", '심': "shim", '곽': "kwak", '준': "joon", '영': "young", '현': "hyun", '수': "soo",
	'경': "kyung", '희': "hee", '성': "sung", '선': "sun", '철': "chul", '명': "myung", '병': "byung", '은': "eun", '주': "joo", '진': "jin",
	'훈': "hoon", '석': "suk", '승': "seung", '규': "kyu", '기': "ki", '순': "soon", '숙': "sook", '연': "yeon", '근': "keun", '건': "gun"}

func koreanForms(w string) []string {
	var rr, own strings.Builder
	for _, r := range w {
		n := r - 0xAC00
		if n < 0 || n >= 11172 {
			continue
		}
		s := rrInitial[n/588] + rrVowel[n%588/28] + rrFinal[n%28]
		rr.WriteString(s)
		if c, ok := customary[r]; ok {
			s = c
		}
		own.WriteString(s)
	}
	return appendNew([]string{own.String()}, rr.String(), mixedKorean(w, false), mixedKorean(w, true))
}

// mixedKorean spells one syllable by custom, the first or the last, and the
// others by rule.
func mixedKorean(w string, last bool) string {
	rs := []rune(w)
	var b strings.Builder
	for i, r := range rs {
		forms := "" // of this syllable
		if c, ok := customary[r]; ok && (i == len(rs)-1) == last {
			forms = c
		} else if n := r - 0xAC00; n >= 0 && n < 11172 {
			forms = rrInitial[n/588] + rrVowel[n%588/28] + rrFinal[n%28]
		}
		b.WriteString(forms)
	}
	return b.String()
}

// kanaForms writes kana in Hepburn, with long vowels once as spelled and once as
// customary in names (Tarou, Taro).
func kanaForms(w string) []string {
	full := letters(strings.ReplaceAll(unidecode.Unidecode(kanaPairs.Replace(hiragana(w))), "~", ""))
	short := strings.NewReplacer("ou", "o", "oo", "o", "uu", "u").Replace(full)
	return appendNew([]string{short}, full)
}

func hiragana(w string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'ァ' && r <= 'ヶ' {
			return r - 'ァ' + 'ぁ'
		}
		return r
	}, w)
}

var kanaPairs = newKanaPairs()

// newKanaPairs spells a syllable with a small ya, yu or yo, and a doubled
// consonant, before the single signs are romanised.
func newKanaPairs() *strings.Replacer {
	heads := strings.Fields(`き=ky ぎ=gy し=sh じ=j ち=ch に=ny ひ=hy び=by ぴ=py み=my り=ry`)
	var pairs []string
	for _, h := range heads {
		sign, to, _ := strings.Cut(h, "=")
		pairs = append(pairs, sign+"ゃ", to+"a", sign+"ゅ", to+"u", sign+"ょ", to+"o")
	}
	return strings.NewReplacer(append(pairs, "し", "shi", "ち", "chi", "つ", "tsu", "ふ", "fu", "じ", "ji", "ー", "", "っ", "")...)
}
