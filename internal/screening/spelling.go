package screening

import (
	"slices"
	"strconv"
	"strings"
)

// spellings tell for each letter of a script how Latin writing renders it in
// any of the schemes in use, the likeliest first; "-" stands for nothing. A word is
// compared with a Latin one by the cheapest way to read the second as the
// first, so no scheme has to be guessed: Хрущёв is Khrushchev, Chruschtschow,
// Hruščov. What must be added or left out costs something.
type spellings struct {
	of     map[string][]string
	begins map[rune][]string // at the beginning of a word, besides
	ends   map[rune][]string // at its end
	vowel  float32           // cost of a Latin vowel between consonants that no letter accounts for
	edge   float32           // the same at the beginning of a word
	loose  map[rune]float32  // cost of leaving a letter out
}

// newSpellings reads "x=ks,x"; ^x holds at the beginning of a word, x$ at its end.
func newSpellings(table string, vowel, edge float32, loose string) *spellings {
	s := &spellings{of: map[string][]string{}, begins: map[rune][]string{}, ends: map[rune][]string{}, vowel: vowel, edge: edge, loose: map[rune]float32{}}
	for _, p := range strings.Fields(table) {
		k, v, _ := strings.Cut(p, "=")
		to := strings.Split(strings.ReplaceAll(v, "-", ""), ",")
		switch {
		case strings.HasPrefix(k, "^"):
			s.begins[firstRune(k[1:])] = to
		case strings.HasSuffix(k, "$"):
			s.ends[firstRune(k)] = to
		default:
			s.of[k] = to
		}
	}
	for _, p := range strings.Fields(loose) {
		letters, cost, _ := strings.Cut(p, "=")
		c, _ := strconv.ParseFloat(cost, 32)
		for _, r := range letters {
			s.loose[r] = float32(c)
		}
	}
	return s
}

// Abjads leave short vowels out (vowel costs next to nothing) and use some
// letters for vowels or for nothing (loose). Sources: the ALA-LC, BGN/PCGN and UN
// tables, and the spellings of French, German and English newspapers.
var (
	arabicSpellings = newSpellings(`ا=a,o,e,aa ^ا=a,e,i,o,u,aa ب=b,p,bb ت=t,th,tt ث=th,s,t ج=j,dj,g,dsch,dzh ح=h,hh خ=kh,h,ch,k,x د=d,dd,t ذ=dh,d,z,th
 ر=r,rr ز=z,s,zz س=s,ss,c,z ش=sh,ch,sch,s ص=s,ss,c ض=d,dh,z ط=t,tt ظ=z,dh,d,th ع=a,e,i,o,u,aa غ=gh,g,kh,q ف=f,ph,ff ق=q,k,g,gh,c,kh,qq
 ك=k,c,q,kk ل=l,ll م=m,mm ن=n,nn ه=h ه$=h,a,eh,ah,e ة=a,ah,at,e,eh,h,t,et و=w,u,o,ou,oo,v,au,aw,ow,ww,uw ي=y,i,ee,e,ai,ei,ie,ey,iy,yy,ay,j,ii ي$=a,i,y,e,ee,ey,ay,iy,ii
 ء=- لت=tt لث=tth,thth لد=dd لذ=dhdh,ddh لر=rr لز=zz لس=ss لش=ssh,shsh,cch لص=ss لض=dd لط=tt لظ=zz لن=nn پ=p,b چ=ch,tch,c ژ=zh,j,z گ=g,k ښ=sh,kh,x ځ=z,dz,j څ=ts,s,c`, 0.06, 0.6, "ا=0.45 و=0.6 ي=0.5 هة=0.3 عء=0.2")
	hebrewSpellings = newSpellings(`א=a,e,o,i,u ב=b,v,bb ג=g,gg,j ד=d,dd ה=h ה$=h,a,ah,e,eh ו=v,o,u,w,oo,ou ז=z,s ח=h,ch,kh ט=t,tt י=y,i,j,ee,e,ei,ai כ=k,kh,ch,c ך=kh,ch,k
 ל=l,ll מ=m,mm ם=m נ=n,nn ן=n ס=s,ss ע=a,e,o,i,u פ=p,f,ph ף=f,ph,ff צ=ts,tz,z,c ץ=ts,tz,z ק=k,q,c ר=r,rr ש=sh,s,sch,ch ת=t,th`, 0.08, 0.6, "א=0.3 ה=0.3 ו=0.5 י=0.4 ע=0.2")
	cyrillicSpellings = newSpellings(`а=a,ah б=b,bb в=v,w,f,ff г=g,h,gh,gu ґ=g д=d,dd е=e,ye,ie,je,yo,io,jo,o ж=zh,j,z,sch,g з=z,s и=i,y,ij,ie,ee,yi й=y,i,j,-
 к=k,c,q,ck,kk л=l,ll м=m,mm н=n,nn о=o,a п=p,pp р=r,rr с=s,ss,c,z т=t,th,tt у=u,ou,oo,w ф=f,ph,ff,th х=kh,h,ch,x ц=ts,c,tz,z,cz,tc ч=ch,tch,tsch,c,cz,tj
 ш=sh,sch,ch,s,sz щ=shch,sch,sh,schtsch,chtch,s,sht,shh ъ=-,ie,a ы=y,i,j,ui ь=-,i,y,j э=e,ae ю=yu,iu,ju,u,iou,yoo,io я=ya,ia,ja,a,ea,yah і=i,y ї=yi,i,ji є=ye,ie,je,e
 ў=u,w ђ=dj,d,gj ј=j,y,i љ=lj,l,ly њ=nj,n,ny ћ=c,ch,tj џ=dz,dzh,dj,j ѓ=gj,g ќ=kj,k ѕ=dz қ=k,q ғ=gh,g ү=u ұ=u,o ө=o,u ә=a,ae,e ң=ng,n һ=h
 кс=x дж=j,dj,dzh,g,dsch ия=ia,iya,ija,iia,ya ий=y,i,iy,ij,yy,ii,yj ый=y,i,iy,yy ье=ie,ye,e,iye ьё=io,yo`, 0.5, 0.6, "ьъ=0.1 й=0.2")
	greekSpellings = newSpellings(`α=a β=v,b γ=g,gh,y δ=d,dh,th ε=e ζ=z η=i,e,y θ=th,t ι=i,y κ=k,c λ=l,ll μ=m ν=n ξ=x,ks ο=o π=p ρ=r,rh σ=s,ss,z τ=t υ=y,i,u,v,f φ=f,ph
 χ=ch,h,kh,x ψ=ps ω=o ου=ou,u,oo αυ=av,af,au ευ=ev,ef,eu γγ=ng,gg γκ=g,gk,ng μπ=b,mp ντ=d,nt τζ=tz,j,dz αι=ai,e ει=ei,i οι=oi,i`, 0.5, 0.6, "")
	hangulSpellings = newSpellings(hangulTable, 0.5, 0.6, "")
)

func spellingsOf(sc script) *spellings {
	switch sc {
	case arabic:
		return arabicSpellings
	case hebrew:
		return hebrewSpellings
	case cyrillic:
		return cyrillicSpellings
	case greek:
		return greekSpellings
	case hangul:
		return hangulSpellings
	}
	return nil
}

// spelled writes w with the first spelling of each letter.
func spelled(w string, s *spellings) string {
	var b strings.Builder
	for _, r := range w {
		if v := s.of[string(r)]; len(v) > 0 {
			b.WriteString(v[0])
		}
	}
	return keepLetters(b.String())
}

const maxSpelled = 28 // letters; longer words are compared romanised

// units are the letters of a word with their spellings, looked up once.
type units struct {
	of      *spellings
	letters []rune
	one     [][]string // spellings of each letter
	two     [][]string // of it with the next
	edged   [][]string // at the beginning and the end, besides
}

// newUnits returns nil for words that are too long to compare so.
func newUnits(s *spellings, w string) *units {
	u := &units{of: s, letters: []rune(w)}
	n := len(u.letters)
	if n == 0 || n > maxSpelled {
		return nil
	}
	u.one, u.two, u.edged = make([][]string, n), make([][]string, n), make([][]string, n)
	for i, r := range u.letters {
		u.one[i] = s.of[string(r)]
		if i+1 < n {
			u.two[i] = s.of[string(u.letters[i:i+2])]
		}
	}
	u.edged[0] = s.begins[u.letters[0]]
	if n > 1 {
		u.edged[n-1] = s.ends[u.letters[n-1]]
	}
	return u
}

// leastRead is the share below which a reading is none.
const leastRead = 0.6

// reads is how far the Latin word may be read as this one: 1 where every letter has
// one of its spellings, 0 where less than leastRead of it fits.
func (u *units) reads(roman string) float32 {
	if u == nil || roman == "" || len(roman) > maxSpelled {
		return 0
	}
	size := float32(max(len(u.letters), 3))
	t := costs{units: u, roman: roman, most: (1 - leastRead) * size}
	if c := t.cheapest(); c <= t.most {
		return 1 - c/size
	}
	return 0
}

// costs is the table of one comparison: row i, column j is the least cost of reading
// the first j Latin letters as the first i letters of a word. Steps reach two rows
// ahead, so three rows are enough.
type costs struct {
	*units
	roman string
	most  float32
	rows  [3][maxSpelled + 1]float32
}

const farAway = 1e6

func (t *costs) cheapest() float32 {
	m, n := len(t.roman), len(t.letters)
	t.clear(0)
	t.clear(1)
	t.rows[0][0] = 0
	for i := range n + 1 {
		t.clear(i + 2)
		least := float32(farAway)
		row := &t.rows[i%3]
		for j := range m + 1 {
			if c := row[j]; c <= t.most {
				least = min(least, c)
				t.step(i, j, c)
			}
		}
		if least > t.most && t.least(i+1) > t.most {
			return farAway
		}
	}
	return t.rows[n%3][m]
}

func (t *costs) clear(i int) {
	row := &t.rows[i%3]
	for j := range len(t.roman) + 1 {
		row[j] = farAway
	}
}

func (t *costs) least(i int) float32 {
	return slices.Min(t.rows[i%3][:len(t.roman)+1])
}

// step goes on from (i, j) in every way.
func (t *costs) step(i, j int, c float32) {
	more := j < len(t.roman)
	if more {
		lower(&t.rows[i%3][j+1], c+t.added(i, j))
	}
	if i == len(t.letters) {
		return
	}
	next := &t.rows[(i+1)%3]
	lower(&next[j], c+t.dropped(i))
	if more {
		lower(&next[j+1], c+1)
	}
	t.spell(next, j, c, t.one[i])
	if t.edged[i] != nil {
		t.spell(next, j, c, t.edged[i])
	}
	if t.two[i] != nil {
		t.spell(&t.rows[(i+2)%3], j, c, t.two[i])
	}
}

func (t *costs) spell(row *[maxSpelled + 1]float32, j int, c float32, spelled []string) {
	rest := t.roman[j:]
	for _, v := range spelled {
		if v == "" || rest != "" && rest[0] == v[0] && strings.HasPrefix(rest, v) {
			lower(&row[j+len(v)], c)
		}
	}
}

func lower(to *float32, c float32) { *to = min(*to, c) }

// added is the cost of a Latin letter that stands for nothing: little for a short
// vowel, more for a second one beside it and for one that begins the word.
func (t *costs) added(i, j int) float32 {
	switch c := t.roman[j]; {
	case isVowel(c) || c == 'y':
		switch {
		case j == 0:
			return t.of.edge
		case isVowel(t.roman[j-1]):
			return max(t.of.vowel, 0.3)
		case i == len(t.letters):
			return max(t.of.vowel, 0.25)
		}
		return t.of.vowel
	case j > 0 && t.roman[j-1] == c:
		return 0.05
	case c == 'h':
		return 0.4
	}
	return 1
}

// dropped is the cost of a letter that is not written. The l of the Arabic article
// becomes the sun letter that follows it.
func (t *costs) dropped(i int) float32 {
	r, last := t.letters[i], len(t.letters)-1
	if i == last && i > 0 && (r == 'ي' || r == 'و') { // the ending of an adjective: Muhammad is not Muhammadi
		return 0.9
	}
	if r == 'ل' && i > 0 && i < last && t.letters[i-1] == 'ا' && strings.ContainsRune("تثدذرزسشصضطظن", t.letters[i+1]) {
		return 0.3
	}
	if c, ok := t.of.loose[r]; ok {
		return c
	}
	return 1
}

// otherSkeleton is the skeleton of an Arabic word in the other ways its letters are read:
// ث is s in Persian and Urdu, ج is g in Egypt. "" for words without them.
func otherSkeleton(w *word) string {
	if w.script != arabic || !strings.ContainsAny(w.text, "ثج") {
		return ""
	}
	return skeleton(spelled(otherArabic.Replace(w.text), arabicSpellings))
}

var otherArabic = strings.NewReplacer("ث", "س", "ج", "گ")

func isVowel(c byte) bool { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' }

// skeleton is the key under which a word in any script meets its romanisations: the
// consonants, by class, doubled ones once. What abjads leave out or use for
// vowels, and what languages write for one sound, falls together; so a skeleton finds
// candidates and never decides.
func skeleton(form string) string {
	var buf [32]byte
	b := buf[:0]
	for i := 0; i < len(form) && len(b) < len(buf); {
		c, n := consonant(form[i:])
		i += n
		if c == 0 || c == 'h' && i == len(form) && len(b) > 0 {
			continue
		}
		if k := len(b); k > 0 && b[k-1] == c {
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

// weakSkeleton is for words that have at most one consonant (ولي, Wali; علي, Ali): it
// keeps the letters that stand for vowels too, but for a and for one that begins the word.
func weakSkeleton(form string) string {
	var b []byte
	for i := range len(form) {
		c := form[i]
		switch c {
		case 'a':
			continue
		case 'u', 'o', 'v':
			c = 'w'
		case 'i', 'e', 'j':
			c = 'y'
		default:
			if k := consonantClasses[c]; k != 0 {
				c = k
			}
		}
		if i == 0 && isVowel(form[0]) || len(b) > 0 && b[len(b)-1] == c {
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

// soundOf writes what languages spell differently when they romanise Cyrillic
// and other scripts in one way: Wladimirowitsch and Vladimirovich, Jakubez and Yakubets.
// "" where nothing changes.
func soundOf(form string) string {
	s := sounds.Replace(form)
	if n := len(s); n > 3 && s[n-1] == 'y' {
		s = s[:n-1] + "i"
	}
	if s == form {
		return ""
	}
	return s
}

// In this order: the first that fits is taken.
var sounds = strings.NewReplacer("schtsch", "w", "shch", "w", "chtch", "w", "tsch", "c", "tch", "c", "tj", "c", "cz", "c", "ch", "c", "sch", "s", "sh", "s", "sz", "s", "zh", "z", "kh", "h",
	"ts", "z", "tz", "z", "tc", "z", "w", "v", "ij", "i", "iy", "i", "yy", "i", "yj", "i", "ii", "i", "ei", "ei", "ey", "ei", "ej", "ei", "aj", "ai", "ay", "ai", "oj", "oi", "oy", "oi",
	"ja", "ya", "jo", "yo", "ju", "yu", "je", "e", "ye", "e", "ie", "e", "io", "yo", "ia", "ya", "iu", "yu", "ou", "u", "ph", "f", "ks", "x", "ck", "k", "y", "i", "mm", "m", "nn", "n", "ss", "s", "ll", "l")

// consonant reads one sound; 0 is none.
func consonant(s string) (c byte, n int) {
	if len(s) > 1 {
		switch s[:2] {
		case "sh", "ch":
			switch {
			case strings.HasPrefix(s, "shch"):
				return 's', 4
			case strings.HasPrefix(s, "chtch"):
				return 's', 5
			}
			return 's', 2
		case "kh":
			return 'h', 2
		case "gh":
			return 'k', 2
		case "th":
			return 't', 2
		case "dh":
			return 'd', 2
		case "zh", "dj":
			return 'j', 2
		case "ph":
			return 'f', 2
		case "ts", "tz":
			return 's', 2
		}
	}
	return consonantClasses[s[0]], 1
}

// consonantClasses maps a letter to its class; vowels and the letters that stand for
// them are in none.
var consonantClasses = [256]byte{'b': 'b', 'c': 'k', 'd': 'd', 'f': 'f', 'g': 'k', 'h': 'h', 'j': 'j', 'k': 'k', 'l': 'l', 'm': 'm', 'n': 'n', 'p': 'b', 'q': 'k',
	'r': 'r', 's': 's', 't': 't', 'x': 's', 'z': 'd', '0': '0', '1': '1', '2': '2', '3': '3', '4': '4', '5': '5', '6': '6', '7': '7', '8': '8', '9': '9'}
