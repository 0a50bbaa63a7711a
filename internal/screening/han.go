package screening

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/gosimple/unidecode"
)

// han_readings.txt has the Mandarin readings without tones, one line per syllable;
// ü is written u. From pinyin-data (MIT), cut to the characters of GB 2312 and to
// what traditional characters lead to.
//
//go:embed han_readings.txt
var hanReadings string

// han_variants.txt holds pairs of a traditional and its simplified character, from
// the OpenCC project's table (Apache 2.0). Characters that are ordinary in both
// are left out.
//
//go:embed han_variants.txt
var hanVariants string

type hanTables struct {
	reading    map[rune]string
	simplified map[rune]rune
}

var hanTable = sync.OnceValue(func() *hanTables {
	t := &hanTables{reading: make(map[rune]string, 7200), simplified: make(map[rune]rune, 3000)}
	for line := range strings.Lines(hanReadings) {
		syllable, chars, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, r := range chars {
			t.reading[r] = syllable
		}
	}
	pairs := []rune(strings.ReplaceAll(hanVariants, "\n", ""))
	for i := 0; i+1 < len(pairs); i += 2 {
		t.simplified[pairs[i]] = pairs[i+1]
	}
	return t
})

// simplify writes traditional characters in their simplified form. Characters are
// taken one by one: names do not depend on phrases.
func simplify(w string) string {
	t := hanTable()
	return strings.Map(func(r rune) rune {
		if s, ok := t.simplified[r]; ok {
			return s
		}
		return r
	}, w)
}

// surnameReadings are those a character has as a surname, where it has another
// elsewhere.
var surnameReadings = readRunes(`曾 zeng 单 shan 解 xie 查 zha 仇 qiu 区 ou 朴 piao 覃 qin 缪 miao 任 ren 华 hua 盖 ge 乐 yue 尉 wei 翟 zhai 秘 bi 冼 xian
 种 chong 重 chong 黑 he 召 shao 员 yun 洗 xian 宓 mi 应 ying 宁 ning 俞 yu 佘 she 沈 shen 葛 ge 车 che 阚 kan 卜 bu 纪 ji 费 fei 柏 bai 繁 po 祭 zhai
 折 she 适 kuo 能 nai 那 na 哈 ha 句 gou 过 guo 令 ling 隗 wei 牟 mou 郗 xi 洪 hong 石 shi 万 wan 薛 xue 叶 ye 贾 jia 臧 zang 乜 nie 褚 chu 谌 chen 燕 yan`)

// secondReadings are other ordinary readings of characters that occur in names.
var secondReadings = readRunes(`长 chang 乐 le 行 xing 重 zhong 朝 zhao 曾 ceng 单 dan 解 jie 查 cha 仇 chou 区 qu 朴 pu 盖 gai 尉 yu 尉 wei 翟 di 缪 mu 石 dan 柏 bo 葛 ge 藏 cang 调 tiao
 干 gan 贾 gu 传 zhuan 都 du 强 jiang 奇 ji 卜 bu 茜 qian 娜 nuo 少 shao 相 xiang 胜 sheng 为 wei 卡 ka 适 shi 参 shen 绿 lu 陆 liu 谷 yu 祭 ji 覃 tan 纪 ji 俞 shu 华 hua`)

func readRunes(table string) map[rune]string {
	m := map[rune]string{}
	f := strings.Fields(table)
	for i := 0; i+1 < len(f); i += 2 {
		r, _ := utf8.DecodeRuneInString(f[i])
		m[r] = f[i+1]
	}
	return m
}

// pinyin reads Han characters in Mandarin, the first as a surname where asked.
func pinyin(w []rune, surname bool) []string {
	t := hanTable()
	out := make([]string, 0, len(w))
	for i, r := range w {
		if s, ok := t.simplified[r]; ok {
			r = s
		}
		reading, ok := t.reading[r]
		if s := surnameReadings[r]; s != "" && surname && i == 0 {
			reading, ok = s, true
		}
		if !ok {
			reading = keepLetters(strings.ToLower(unidecode.Unidecode(string(r))))
		}
		out = append(out, reading)
	}
	return out
}

// otherReadings are the readings of w with one character read another way.
func otherReadings(w []rune, surname bool) (out []string) {
	main := pinyin(w, surname)
	for i, r := range w {
		for _, table := range []map[rune]string{secondReadings, surnameReadings} {
			if other := table[r]; other != "" && other != main[i] {
				alt := append([]string(nil), main...)
				alt[i] = other
				out = append(out, strings.Join(alt, ""))
			}
		}
	}
	return out
}

var doubleSurnames = set(`欧阳 司马 诸葛 上官 夏侯 皇甫 尉迟 公孙 慕容 令狐 长孙 宇文 司徒 东方 南宫 端木 呼延 万俟 闻人 东郭 独孤 남궁 황보 제갈 사공 선우 독고`)

// splitPerson divides an unspaced Chinese or Korean name into surname and given
// name. Four characters are Japanese, or Chinese with two surnames: the first two
// are the surname.
func splitPerson(w string) []string {
	rs := []rune(w)
	if len(rs) < 2 || len(rs) > 4 {
		return []string{w}
	}
	n := 1
	if len(rs) == 4 || len(rs) == 3 && doubleSurnames[string(rs[:2])] {
		n = 2
	}
	return []string{string(rs[:n]), string(rs[n:])}
}

// hanWords are the words of Chinese organisations' names, with what their English
// names say. Longest first where one contains another.
var hanWords = [][2]string{
	{"有限责任公司", "limited liability company"}, {"股份有限公司", "company limited"}, {"有限公司", "company limited"}, {"集团公司", "group company"}, {"公司", "company"},
	{"集团", "group"}, {"科学技术", "science technology"}, {"科学", "science"}, {"科技", "science technology"}, {"技术", "technology"}, {"国际", "international"},
	{"贸易", "trading"}, {"商贸", "trading"}, {"进出口", "import export"}, {"银行", "bank"}, {"大学", "university"}, {"学院", "institute"}, {"研究所", "research institute"},
	{"研究院", "research institute"}, {"研究", "research"}, {"中心", "center"}, {"工业", "industry"}, {"实业", "industrial"}, {"电子", "electronics"}, {"信息", "information"},
	{"网络", "network"}, {"安全", "security"}, {"航空", "aviation"}, {"航天", "aerospace"}, {"船舶", "shipping"}, {"航运", "shipping"}, {"海运", "shipping"}, {"物流", "logistics"},
	{"投资", "investment"}, {"发展", "development"}, {"石油", "petroleum"}, {"化工", "chemical"}, {"能源", "energy"}, {"机械", "machinery"}, {"设备", "equipment"}, {"制造", "manufacturing"},
	{"工程", "engineering"}, {"建设", "construction"}, {"建筑", "construction"}, {"中国", "china"}, {"北京", "beijing"}, {"上海", "shanghai"}, {"香港", "hong kong"}, {"控股", "holdings"},
	{"有限", "limited"}, {"责任", "liability"}, {"软件", "software"}, {"通信", "communication"}, {"数据", "data"}, {"基金会", "foundation"}, {"协会", "association"}, {"委员会", "committee"},
	{"办公室", "office"}, {"服务", "services"}, {"材料", "materials"}, {"半导体", "semiconductor"}, {"光电", "optoelectronics"}, {"智能", "intelligent"},
}

// spokenWords has hanWords by the chineseKey of their reading.
var spokenWords = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, hw := range hanWords {
		if k := chineseKey(strings.Join(pinyin([]rune(hw[0]), false), "")); k != "" && len(hw[0]) > 3 {
			m[k] = hw[1]
		}
	}
	return m
})

// isHanOrganisation tells an organisation's name from a person's.
func isHanOrganisation(w string) bool {
	if utf8.RuneCountInString(w) > 4 {
		return true
	}
	for _, hw := range hanWords[:6] {
		if strings.Contains(w, hw[0]) {
			return true
		}
	}
	return false
}

// piece is a run of characters, with English words where it is one of hanWords.
type piece struct{ text, english string }

// splitOrganisation cuts an unspaced Chinese name at the words of hanWords. What is left
// between them is a name, often place and brand; it stays one piece, and
// alignment finds where the entry divides it.
func splitOrganisation(w string) (out []piece) {
	from := 0
	for i := 0; i < len(w); {
		hw, ok := hanWordAt(w[i:])
		if !ok {
			_, n := utf8.DecodeRuneInString(w[i:])
			i += n
			continue
		}
		if i > from {
			out = append(out, piece{w[from:i], ""})
		}
		out = append(out, piece{hw[0], hw[1]})
		i += len(hw[0])
		from = i
	}
	if from < len(w) {
		out = append(out, piece{w[from:], ""})
	}
	return out
}

func hanWordAt(s string) (best [2]string, ok bool) {
	for _, hw := range hanWords {
		if len(hw[0]) > len(best[0]) && strings.HasPrefix(s, hw[0]) {
			best, ok = hw, true
		}
	}
	return best, ok
}

// syllables has every Mandarin syllable in three writings: pinyin, Wade–Giles without
// its apostrophes (which are mostly left out), and Palladius' Cyrillic.
type syllables struct {
	pinyin    map[string]bool
	wadeGiles map[string][]string
	palladius map[string]string
	toWade    map[string]string
}

var syllableTable = sync.OnceValue(func() *syllables {
	t := &syllables{map[string]bool{}, map[string][]string{}, map[string]string{}, map[string]string{}}
	for line := range strings.Lines(hanReadings) {
		p, _, _ := strings.Cut(line, " ")
		if !strings.ContainsAny(p, "aeiou") {
			continue
		}
		t.pinyin[p] = true
		w := wadeGiles(p)
		t.toWade[p] = w
		t.wadeGiles[w] = append(t.wadeGiles[w], p)
		t.palladius[palladius(p)] = p
	}
	for alias, p := range map[string]string{"szu": "si", "shih": "shi", "hsu": "xu", "chiung": "jiong", "ssu": "si", "o": "e", "erh": "er", "lue": "lue", "yueh": "yue", "tse": "ze"} {
		if !contains(t.wadeGiles[alias], p) {
			t.wadeGiles[alias] = append(t.wadeGiles[alias], p)
		}
	}
	return t
})

func contains(in []string, s string) bool {
	for _, x := range in {
		if x == s {
			return true
		}
	}
	return false
}

// cutInitial divides a pinyin syllable.
func cutInitial(p string) (initial, final string) {
	for _, i := range []string{"zh", "ch", "sh"} {
		if strings.HasPrefix(p, i) {
			return i, p[2:]
		}
	}
	if strings.IndexByte("bpmfdtnlgkhjqxrzcs", p[0]) >= 0 {
		return p[:1], p[1:]
	}
	return "", p
}

var (
	wadeWhole = pairs(`zi tzu ci tzu si ssu zhi chih chi chih shi shih ri jih ge ko ke ko he ho e o gui kuei kui kuei guo kuo kuo kuo huo huo shuo shuo er erh you yu yi i
 yan yen ye yeh yong yung yue yueh`)
	wadeInitial = pairs(`b p d t g k j ch q ch x hs zh ch r j z ts c ts`)
	wadeFinal   = pairs(`ian ien ie ieh ong ung iong iung ue ueh uo o`)

	palladiusInitial = pairs(`b б p п m м f ф d д t т n н l л g г k к h х j цз q ц x с zh чж ch ч sh ш r ж z цз c ц s с`)
	palladiusFinal   = pairs(`a а o о e э i и u у ai ай ei эй ao ао ou оу an ань en энь ang ан eng эн ong ун ia я ie е iao яо iu ю ian янь in инь iang ян ing ин iong юн ua уа
 uo о uai уай ui уй uan уань un унь uang уан ue юэ`)
	palladiusWhole = pairs(`zi цзы ci цы si сы zhi чжи chi чи shi ши ri жи yi и ya я ye е yao яо you ю yan янь yin инь yang ян ying ин yong юн wu у wa ва wo во wai вай wei вэй
 wan вань wen вэнь wang ван weng вэн yu юй yue юэ yuan юань yun юнь er эр hui хуэй ju цзюй qu цюй xu сюй juan цзюань quan цюань xuan сюань jun цзюнь qun цюнь xun сюнь`)
)

func pairs(table string) map[string]string {
	m := map[string]string{}
	f := strings.Fields(table)
	for i := 0; i+1 < len(f); i += 2 {
		m[f[i]] = f[i+1]
	}
	return m
}

func wadeGiles(p string) string { return respell(p, wadeWhole, wadeInitial, wadeFinal) }
func palladius(p string) string {
	return respell(p, palladiusWhole, palladiusInitial, palladiusFinal)
}

func respell(p string, whole, initials, finals map[string]string) string {
	if w := whole[p]; w != "" {
		return w
	}
	initial, final := cutInitial(p)
	if to := initials[initial]; to != "" {
		initial = to
	}
	if to := finals[final]; to != "" {
		final = to
	}
	return initial + final
}

// pinyinOf reads a word that consists of Mandarin syllables: its pinyin forms, and
// whether it was in pinyin already. Nothing is returned for other words.
func pinyinOf(w string, sc script) (asIs bool, forms []string) {
	t := syllableTable()
	switch sc {
	case cyrillic:
		return false, parse(strings.ReplaceAll(w, "ъ", ""), 4, func(s string) []string {
			if p := t.palladius[s]; p != "" {
				return []string{p}
			}
			return nil
		})
	case latin:
		w = canonicalU(w)
		own := parse(w, 1, func(s string) []string {
			if t.pinyin[s] {
				return []string{s}
			}
			return nil
		})
		return len(own) > 0, parse(w, 8, func(s string) []string { return t.wadeGiles[s] })
	}
	return false, nil
}

// canonicalU writes ü, which is also written v, yu and u, as u.
func canonicalU(w string) string {
	if strings.Contains(w, "lyu") || strings.Contains(w, "nyu") || strings.Contains(w, "lv") || strings.Contains(w, "nv") {
		return umlauts.Replace(w)
	}
	return w
}

var umlauts = strings.NewReplacer("lyu", "lu", "nyu", "nu", "lv", "lu", "nv", "nu")

const longestChinese = 24 // letters in a word that is tried as Mandarin

// parse divides w into syllables, each of which read knows, and returns up to most
// readings of the whole.
func parse(w string, most int, read func(string) []string) (out []string) {
	if w == "" || len(w) > 2*longestChinese {
		return nil
	}
	steps := 0
	var walk func(from int, so string)
	walk = func(from int, so string) {
		if from == len(w) {
			out = append(out, so)
			return
		}
		for end := min(len(w), from+14); end > from && len(out) < most && steps < 200; end-- {
			if end < len(w) && !utf8.RuneStart(w[end]) {
				continue
			}
			steps++
			for _, p := range read(w[from:end]) {
				walk(end, so+p)
			}
		}
	}
	walk(0, "")
	return out
}

// chineseKey is the same for the pinyin and the Wade–Giles of a name, with or without
// apostrophes; "" for words that are neither. Pinyin puts an apostrophe before a syllable that
// begins with a, e or o (GB/T 16159 §5.5): "chien" without one is rather Wade–Giles for qian than chi'en.
func chineseKey(w string) string {
	if w == "" || strings.IndexByte("aeiounghrv", w[len(w)-1]) < 0 { // as no syllable ends
		return ""
	}
	t := syllableTable()
	w = canonicalU(w)
	strict := true
	pinyin := func(s string) []string {
		to := t.toWade[s]
		if to == "" || strict && strings.IndexByte("aeo", s[0]) >= 0 && !strings.HasPrefix(w, s) {
			return nil
		}
		return []string{to}
	}
	wade := func(s string) []string {
		if len(t.wadeGiles[s]) > 0 {
			return []string{s}
		}
		return nil
	}
	if k := parse(w, 1, pinyin); len(k) > 0 {
		return k[0]
	}
	if k := parse(w, 1, wade); len(k) > 0 {
		return k[0]
	}
	strict = false
	if k := parse(w, 1, pinyin); len(k) > 0 {
		return k[0]
	}
	return ""
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }
