package response

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"html/template"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Contacts in danger: after somebody has read a member's mailbox, who had written to the
// member in confidence? The answer comes from the member's own messages, when the member
// asks, and is shown to the member alone. Nothing here stores anything.
//
// # How it ranks
//
// Nobody can compute what was told in confidence, only how it was told. A letter counts
// when it went to the member and to nobody else, and was not written by a machine, to a
// list or by the hundred. A contact's weight is a sum that anyone can do again by hand:
//
//	letters to the member alone   6 · log2(1 + n)   the first few say most
//	the member answered           8                 a conversation, not a petition
//	files attached                4
//	long letters                  3                 150 words or more on average
//	written at night or weekends  2                 mostly; people choose when nobody looks
//	a private or unknown domain   3                 one that no other contact writes from
//	words of confidence           10                the language's list; it is a hint only
//	encrypted                     8                 the content was kept, who and when was not
//	in the house                 −4                 it can warn its own people
//	lately                        4 → 0             halves every 180 days before the breach
//
// # Known misses
//
// A source who wrote through somebody else, under several addresses, or copied a
// colleague, is not found, or ranks low; a friendly tradesman ranks high. It is a list of
// people to think of, in an order to think of them, not a finding.

// Letter is one message of a mailbox, as far as this needs it. Addresses are in
// canonical form.
type Letter struct {
	Time      time.Time
	From      string // address
	FromName  string
	To        []string // all recipients named: To and Cc
	Subject   string
	Text      string // what a reader sees; used here and forgotten
	Files     int
	Encrypted bool
	List      bool // a list's: List-Id, List-Unsubscribe, List-Post (RFC 2919, RFC 2369)
	Bulk      bool // Precedence bulk, list or junk; a known bulk sender
	Automatic bool // Auto-Submitted other than no (RFC 3834), an empty return path
}

// Whose says whose mailbox it is and who is not a contact.
type Whose struct {
	Own       func(address string) bool // the member's own addresses
	Staff     func(address string) bool // staff and delegates: they are warned by the house
	House     func(address string) bool // at the house's own domains; nil is nobody
	Confiding []string                  // words of confidence, lower case; nil is the English list
	Breach    time.Time                 // when the mailbox was read; letters after it don't count. Zero is now, whenever that is
	Limit     int                       // 0 is 200
}

// Contact is somebody to think of.
type Contact struct {
	Address  string    `json:"address"`
	Name     string    `json:"name,omitempty"`
	Weight   int       `json:"weight"`
	Letters  int       `json:"letters"`  // to the member alone
	Answered int       `json:"answered"` // letters of the member to them
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Reasons  []string  `json:"reasons"`
}

// Danger is the answer.
type Danger struct {
	Contacts []Contact `json:"contacts"`
	More     int       `json:"more"`    // beyond the limit
	Letters  int       `json:"letters"` // looked at
	Left     Left      `json:"left_out"`
}

// Left counts what was left out, and why, so that the member can judge.
type Left struct {
	Others  int `json:"to_others_too"` // went to more people than the member
	Bulk    int `json:"bulk"`          // lists, newsletters, machines
	Form    int `json:"form_letters"`
	Staff   int `json:"staff"`
	Later   int `json:"after_the_breach"`
	Unknown int `json:"without_sender"`
}

// correspondent is what is gathered of one address.
type correspondent struct {
	Contact
	words, files, secret, encrypted, odd, dated int
	number                                      int32
	sketches                                    [][bandCount]uint64 // of the letters that are long enough
}

// maxCorrespondents bounds the memory of a mailbox with forged senders in it.
const maxCorrespondents = 200_000

// ContactsInDanger ranks who had written to the member in confidence.
func ContactsInDanger(who Whose, letters iter.Seq[Letter]) Danger {
	if who.Confiding == nil {
		who.Confiding = confiding
	}
	if who.House == nil {
		who.House = func(string) bool { return false }
	}
	m := mailbox{who: who, by: map[string]*correspondent{}, bands: map[band][]int32{}, answered: map[string]int{}}
	for l := range letters {
		m.add(l)
	}
	return m.rank()
}

// confiding are English words with which people ask for confidence.
// Not "confidential" alone: half of all disclaimers have it.
var confiding = []string{"in confidence", "confidentially", "between us", "off the record", "not for publication", "please delete",
	"do not forward", "don't forward", "anonymous", "anonymously", "whistleblower", "must not get out", "nobody may know", "nobody must know", "afraid", "threatened"}

type mailbox struct {
	who      Whose
	by       map[string]*correspondent
	bands    map[band][]int32 // the first few who wrote a text that falls into it
	answered map[string]int
	d        Danger
}

func (m *mailbox) add(l Letter) {
	m.d.Letters++
	from := strings.ToLower(strings.TrimSpace(l.From))
	switch {
	case !m.who.Breach.IsZero() && l.Time.After(m.who.Breach):
		m.d.Left.Later++
	case from == "":
		m.d.Left.Unknown++
	case m.who.Own(from):
		m.sent(l)
	case m.who.Staff(from):
		m.d.Left.Staff++
	case l.List || l.Bulk || l.Automatic || machine(from):
		m.d.Left.Bulk++
	case len(l.To) == 0 || slices.ContainsFunc(l.To, func(a string) bool { return !m.who.Own(a) }):
		m.d.Left.Others++
	default:
		m.received(from, l)
	}
}

// sent remembers whom the member answered: one person, not a circular.
func (m *mailbox) sent(l Letter) {
	if len(l.To) == 1 && len(m.answered) < maxCorrespondents {
		m.answered[strings.ToLower(l.To[0])]++
	}
}

func (m *mailbox) received(from string, l Letter) {
	c := m.by[from]
	if c == nil {
		if len(m.by) >= maxCorrespondents {
			return
		}
		c = &correspondent{Contact: Contact{Address: from}, number: int32(len(m.by))}
		m.by[from] = c
	}
	c.Letters++
	if name := plain(l.FromName); name != "" {
		c.Name = shorten(name, 80)
	}
	if !l.Time.IsZero() {
		c.First, c.Last = earlier(c.First, l.Time), later(c.Last, l.Time)
		c.dated++
		if odd(l.Time) {
			c.odd++
		}
	}
	own := unquoted(l.Text)
	c.words += len(own)
	c.files += l.Files
	if l.Encrypted {
		c.encrypted++
	}
	text := strings.ToLower(l.Subject + " " + strings.Join(own, " "))
	if slices.ContainsFunc(m.who.Confiding, func(w string) bool { return holdsWord(text, w) }) {
		c.secret++
	}
	if sketch, ok := sketchOf(own); ok {
		c.sketches = append(c.sketches, sketch)
		for i, h := range sketch {
			b := band{i, h}
			if writers := m.bands[b]; len(writers) < formSenders && !slices.Contains(writers, c.number) {
				m.bands[b] = append(writers, c.number)
			}
		}
	}
}

// machine tells addresses that nobody writes from by hand.
func machine(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	local = strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	for _, word := range []string{"noreply", "donotreply", "mailerdaemon", "postmaster", "bounce", "notif", "news", "orders", "billing", "alert", "autoreply"} {
		if strings.HasPrefix(local, word) {
			return true
		}
	}
	return false
}

// odd is at night or on Saturday and Sunday by the writer's own clock.
func odd(t time.Time) bool {
	day, hour := t.Weekday(), t.Hour()
	return day == time.Saturday || day == time.Sunday || hour >= 20 || hour < 6
}

// maxWords of one letter are looked at.
const maxWords = 5000

// unquoted are the words of a letter without what it quotes.
func unquoted(text string) (words []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " "), ">") {
			continue
		}
		words = append(words, strings.Fields(line)...)
		if len(words) >= maxWords {
			return words[:maxWords]
		}
	}
	return words
}

// holdsWord finds a phrase that does not begin or end within a word.
func holdsWord(text, phrase string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], phrase)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(phrase)
		before := strings.TrimRightFunc(text[:start], unicode.IsLetter) == text[:start]
		after := strings.TrimLeftFunc(text[end:], unicode.IsLetter) == text[end:]
		if before && after {
			return true
		}
		from = start + 1
	}
}

// Form letters are found by MinHash with banding (Broder 1997): the text's runs of three
// words are hashed sixteen ways and the least of each kept, four to a band. Two texts that
// agree in seven of ten runs share a band with a chance of two thirds, at nine of ten nearly
// always; ordinary letters never.
const (
	bandCount    = 4
	rowCount     = 4
	sketchedFrom = 25 // words; shorter ones ("Thank you!") are alike without being form letters
	formSenders  = 4  // senders who wrote the same
)

type band struct {
	i    int
	hash uint64
}

func sketchOf(words []string) (out [bandCount]uint64, ok bool) {
	if len(words) < sketchedFrom {
		return out, false
	}
	var least [bandCount * rowCount]uint64
	for i := range least {
		least[i] = math.MaxUint64
	}
	for i := 0; i+3 <= len(words); i++ {
		h := fnv.New64a()
		for _, w := range words[i : i+3] {
			_, _ = h.Write([]byte(strings.ToLower(strings.TrimFunc(w, unicode.IsPunct))))
			_, _ = h.Write([]byte{0})
		}
		x := h.Sum64()
		for k := range least {
			least[k] = min(least[k], mix(x^uint64(k)*0x9E3779B97F4A7C15))
		}
	}
	for b := range out {
		for r := range rowCount {
			out[b] = mix(out[b] ^ least[b*rowCount+r])
		}
	}
	return out, true
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// rank weighs everyone.
func (m *mailbox) rank() Danger {
	domains := map[string]int{}
	for a := range m.by {
		domains[a[strings.LastIndexByte(a, '@')+1:]]++
	}
	newest := m.who.Breach
	for _, c := range m.by {
		if m.who.Breach.IsZero() {
			newest = later(newest, c.Last)
		}
	}
	for _, c := range m.by {
		if form := m.formLetters(c); form >= c.Letters {
			m.d.Left.Form += c.Letters
			continue
		}
		c.Answered = m.answered[c.Address]
		c.weigh(domains[c.Address[strings.LastIndexByte(c.Address, '@')+1:]] == 1, m.who.House(c.Address), newest)
		m.d.Contacts = append(m.d.Contacts, c.Contact)
	}
	slices.SortFunc(m.d.Contacts, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), b.Last.Compare(a.Last), strings.Compare(a.Address, b.Address))
	})
	limit := m.who.Limit
	if limit <= 0 {
		limit = 200
	}
	if m.d.More = max(0, len(m.d.Contacts)-limit); m.d.More > 0 {
		m.d.Contacts = m.d.Contacts[:limit]
	}
	return m.d
}

// formLetters counts the letters whose text several others sent too.
func (m *mailbox) formLetters(c *correspondent) (n int) {
	for _, sketch := range c.sketches {
		for i, h := range sketch {
			if len(m.bands[band{i, h}]) >= formSenders {
				n++
				break
			}
		}
	}
	return n
}

func (c *correspondent) weigh(alone, house bool, newest time.Time) {
	weight := 0.0
	because := func(points float64, format string, args ...any) {
		weight += points
		c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...))
	}
	because(6*math.Log2(1+float64(c.Letters)), "wrote to you alone: %s", times(c.Letters))
	if c.Answered > 0 {
		because(8, "you answered: %s", times(c.Answered))
	}
	if c.secret > 0 {
		because(10, "asked for confidence by its words: %s", times(c.secret))
	}
	if c.encrypted > 0 {
		because(8, "wrote encrypted: %s; what was said is safe, that you spoke is not", times(c.encrypted))
	}
	if c.files > 0 {
		because(4, "sent files: %d", c.files)
	}
	if c.words/c.Letters >= 150 {
		because(3, "wrote long letters: about %d words each", c.words/c.Letters/10*10)
	}
	if c.dated > 1 && c.odd*2 > c.dated {
		because(2, "mostly wrote at night or at weekends")
	}
	switch {
	case house:
		because(-4, "is in the house, which can warn them")
	case alone:
		because(3, "nobody else writes to you from there")
	}
	if !c.Last.IsZero() {
		age := max(0, newest.Sub(c.Last).Hours()/24)
		weight += 4 * math.Exp2(-age/180)
	}
	c.Weight = int(math.Round(weight))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// warning stands on every form of the answer.
const warning = "For you alone. It was made from your own mail just now and is kept nowhere: if you close or lose it, it is gone. It lists whom to think of, in an order to think of them; it does not know what was said."

// Text is the answer for the terminal.
func (d Danger) Text() string {
	var b strings.Builder
	b.WriteString("Who had written to you in confidence\n\n" + fold(warning) + "\n\n")
	for i, c := range d.Contacts {
		fmt.Fprintf(&b, "%3d. %s\n     %s – %s\n", i+1, c.who(), dayOnly(c.First), dayOnly(c.Last))
		for _, r := range c.Reasons {
			fmt.Fprintf(&b, "     - %s\n", r)
		}
	}
	b.WriteString(d.rest() + "\n")
	return b.String()
}

func (c Contact) who() string {
	if c.Name == "" {
		return plain(c.Address)
	}
	return c.Name + " <" + plain(c.Address) + ">"
}

func dayOnly(t time.Time) string {
	if t.IsZero() {
		return "date not known"
	}
	return t.Format("2 Jan 2006")
}

// rest says what was left out.
func (d Danger) rest() string {
	more := ""
	if d.More > 0 {
		more = fmt.Sprintf("%d more contacts are not listed. ", d.More)
	}
	l := d.Left
	return fmt.Sprintf("%s%d messages were looked at. Left out: %d to others too, %d from lists and machines, %d form letters, %d from staff, %d later than the breach, %d without a sender.",
		more, d.Letters, l.Others, l.Bulk, l.Form, l.Staff, l.Later, l.Unknown)
}

var dangerPage = template.Must(template.New("danger").Funcs(template.FuncMap{"day": dayOnly, "who": Contact.who}).Parse(frame + `<body>
<main>
<p class="mark">{{.Warning}}</p>
<h1>{{.Title}}</h1>
<table><thead><tr><th scope="col">Who</th><th scope="col">From – to</th><th scope="col">Why</th></tr></thead>
<tbody>
{{range .Contacts}}<tr><td>{{who .}}</td><td>{{day .First}} – {{day .Last}}</td><td>{{range $i, $r := .Reasons}}{{if $i}}; {{end}}{{$r}}{{end}}</td></tr>
{{end}}</tbody></table>
</main>
<footer>{{.Rest}}</footer>
</body>
</html>
`))

// HTML is the answer as a page to print.
func (d Danger) HTML() ([]byte, error) {
	var out bytes.Buffer
	if err := dangerPage.Execute(&out, struct {
		framed
		Language, Direction, Title, Warning, Rest string
		Contacts                                  []Contact
	}{newFrame(), "en", "ltr", "Who had written to you in confidence", warning, d.rest(), d.Contacts}); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}
