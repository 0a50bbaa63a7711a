package honey

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Model is how the voters of a register are distributed: counts of values, of each apart from the others but for what goes
// together. It has names and streets, no voter.
type Model struct {
	Schema  int      `json:"schema"`
	Columns []Column `json:"columns"`
	Rows    int      `json:"rows"`

	Layout  string             `json:"layout"`  // of dates of birth
	Births  Weights            `json:"births"`  // sex and year
	Days    Weights            `json:"days"`    // month and day
	Given   map[string]Weights `json:"given"`   // by sex and decade
	Family  Weights            `json:"family"`  //
	Places  Weights            `json:"places"`  // the columns that the street decides
	Placed  []int              `json:"placed"`  // which columns these are
	Houses  map[string]span    `json:"houses"`  // house numbers of a place
	Suffix  Weights            `json:"suffix"`  // what follows the number
	Sizes   Weights            `json:"sizes"`   // of households
	Partner Weights            `json:"partner"` // others in a household: same name, same sex, years younger
	Numbers Numbers            `json:"numbers"`
	Others  map[int]Weights    `json:"others"` // columns by themselves
}

// span is the lowest and highest house number.
type span struct {
	Min  int    `json:"min"`
	Max  int    `json:"max"`
	Odd  int    `json:"odd"`            // numbers that are odd
	Lead string `json:"lead,omitempty"` // how numbers of voters begin there, if the place decides that
	All  int    `json:"all"`
}

const sep = "\x1f" // between values that go together

// layouts of dates of birth, the ambiguous ones last.
var layouts = []string{time.DateOnly, "02.01.2006", "2.1.2006", "20060102", "02-01-2006", "02/01/2006", "01/02/2006", "2/1/2006", "1/2/2006", "2006/01/02"}

// Learner makes a model of the rows it is given, in memory bounded by the distinct values.
type Learner struct {
	m       *Model
	at      map[Role]int
	first   [][]string // a sample that decides the forms
	begun   bool
	tallies struct {
		births, days, family, places, suffix, lengths tally
		given                                         map[string]tally
		begin                                         map[int]tally
		tail                                          map[int][]tally
		others                                        map[int]tally
	}
	homes homes
}

// sampleRows decide the forms of numbers and dates and which columns go with the street.
const sampleRows = 20_000

// NewLearner begins.
func NewLearner(columns []Column) (*Learner, error) {
	if err := Check(columns); err != nil {
		return nil, err
	}
	l := &Learner{m: &Model{Schema: 1, Columns: slices.Clone(columns), Houses: map[string]span{}}, at: map[Role]int{}}
	for i, c := range columns {
		if _, ok := l.at[c.Role]; !ok {
			l.at[c.Role] = i
		}
	}
	t := &l.tallies
	t.births, t.days, t.family, t.places, t.suffix, t.lengths = tally{}, tally{}, tally{}, tally{}, tally{}, tally{}
	t.given, t.begin, t.tail, t.others = map[string]tally{}, map[int]tally{}, map[int][]tally{}, map[int]tally{}
	l.homes = homes{members: map[uint64][]member{}}
	return l, nil
}

// Add learns from a row. The row is not kept beyond the sample.
func (l *Learner) Add(row []string) {
	if len(row) != len(l.m.Columns) {
		return
	}
	l.m.Rows++
	if !l.begun {
		l.first = append(l.first, slices.Clone(row))
		if len(l.first) >= sampleRows {
			l.begin()
		}
		return
	}
	l.learn(row)
}

func (l *Learner) begin() {
	l.begun = true
	l.m.Layout = l.layout()
	l.m.Placed = l.placed()
	if i, ok := l.at[ID]; ok {
		var sample [][2]string
		for _, row := range l.first {
			if row[i] != "" {
				sample = append(sample, [2]string{row[i], l.iso(row)})
			}
		}
		l.m.Numbers = learnNumbers(sample)
		l.m.Numbers.Lead = l.lead(i)
	}
	for _, row := range l.first {
		l.learn(row)
	}
	l.first = nil
}

// layout finds the first in which nearly all dates of birth can be read.
func (l *Learner) layout() string {
	best, most := time.DateOnly, -1
	for _, layout := range layouts {
		n := 0
		for _, row := range l.first {
			if _, err := time.Parse(layout, row[l.at[Born]]); err == nil {
				n++
			}
		}
		if n > most {
			best, most = layout, n
		}
	}
	return best
}

func (l *Learner) iso(row []string) string {
	t, err := time.Parse(l.m.Layout, row[l.at[Born]])
	if err != nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// birthIn writes a date of birth (2006-01-02) in a layout.
func birthIn(iso, layout string) (string, bool) {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return "", false
	}
	return t.Format(layout), true
}

// cell is the value of a role, "" where there is no such column.
func (l *Learner) cell(row []string, role Role) string {
	if i, ok := l.at[role]; ok {
		return row[i]
	}
	return ""
}

// placed finds the columns that the street decides: always its own, and others that hardly vary within one.
func (l *Learner) placed() (cols []int) {
	base := -1
	for i, c := range l.m.Columns {
		if c.Role == Street || c.Role == Address {
			base = i
		}
	}
	for i, c := range l.m.Columns {
		switch c.Role {
		case Street, Address, Postcode, Town:
			cols = append(cols, i)
		case Other:
			if base >= 0 && l.follows(base, i) {
				cols = append(cols, i)
			}
		}
	}
	return cols
}

func (l *Learner) follows(base, col int) bool {
	return l.decides(func(row []string) string {
		street, _, _ := splitHouse(row[base])
		return street + sep + l.cell(row, Postcode)
	}, func(row []string) string { return row[col] })
}

// decides tells whether one thing follows from another in nearly all rows of the sample.
func (l *Learner) decides(from, to func(row []string) string) bool {
	seen := map[string]string{}
	same, all := 0, 0
	for _, row := range l.first {
		where, v := from(row), to(row)
		if have, ok := seen[where]; ok {
			all++
			if have == v {
				same++
			}
			continue
		}
		seen[where] = v
	}
	return all >= 50 && same*100 >= all*97
}

// lead is how many characters of a number the place decides: districts have theirs.
func (l *Learner) lead(id int) int {
	for n := 6; n > 0; n-- {
		if l.decides(func(row []string) string { p, _, _, _ := l.place(row); return p }, func(row []string) string { return row[id][:min(n, len(row[id]))] }) {
			return n
		}
	}
	return 0
}

// splitHouse takes the house number out of an address; the text has a mark in its place.
func splitHouse(address string) (text string, number int, ok bool) {
	from := strings.IndexFunc(address, func(r rune) bool { return r >= '0' && r <= '9' })
	if from < 0 {
		return address, 0, false
	}
	to := from
	for to < len(address) && address[to] >= '0' && address[to] <= '9' {
		to++
	}
	number, err := strconv.Atoi(address[from:to])
	if err != nil || number > 100_000 {
		return address, 0, false
	}
	return address[:from] + "\x00" + address[to:], number, true
}

func (l *Learner) learn(row []string) {
	iso := l.iso(row)
	sex := l.cell(row, Sex)
	t := &l.tallies
	if iso != "" {
		t.births.add(sex + sep + iso[:4])
		t.days.add(iso[5:])
		decade := sex + sep + iso[:3]
		if t.given[decade] == nil {
			t.given[decade] = tally{}
		}
		given, family := l.names(row)
		t.given[decade].add(given)
		t.family.add(family)
	}
	l.learnPlace(row)
	l.learnNumber(l.cell(row, ID))
	for i, c := range l.m.Columns {
		if c.Role == Other && !slices.Contains(l.m.Placed, i) || c.Role == Mail || c.Role == Phone {
			if t.others[i] == nil {
				t.others[i] = tally{}
			}
			v := row[i]
			if c.Role != Other && v != "" {
				v = "x" // only whether there is one
			}
			t.others[i].add(v)
		}
	}
	if iso != "" {
		l.homes.add(l.address(row), member{hash(l.cell(row, Family) + l.cell(row, Name)), sex, int(iso[0]-'0')*1000 + int(iso[1]-'0')*100 + int(iso[2]-'0')*10 + int(iso[3]-'0')})
	}
}

// names parts a whole name at its last blank, or at a comma.
func (l *Learner) names(row []string) (given, family string) {
	whole := l.cell(row, Name)
	if whole == "" {
		return l.cell(row, Given), l.cell(row, Family)
	}
	if family, given, ok := strings.Cut(whole, ", "); ok {
		return given, ", " + family // the mark says how it is written
	}
	i := strings.LastIndexByte(whole, ' ')
	return whole[:max(0, i)], whole[i+1:]
}

func (l *Learner) learnPlace(row []string) {
	place, number, suffix, ok := l.place(row)
	l.tallies.places.add(place)
	if !ok {
		return
	}
	s, known := l.m.Houses[place]
	if !known && len(l.m.Houses) >= maxValues {
		return
	}
	if !known {
		s.Min = number
	}
	if id := l.cell(row, ID); len(id) >= l.m.Numbers.Lead {
		s.Lead = id[:l.m.Numbers.Lead]
	}
	s.Min, s.Max, s.All, s.Odd = min(s.Min, number), max(s.Max, number), s.All+1, s.Odd+number%2
	l.m.Houses[place] = s
	l.tallies.suffix.add(suffix)
}

// place is the columns that go together, without the house number.
func (l *Learner) place(row []string) (place string, number int, suffix string, ok bool) {
	parts := make([]string, 0, len(l.m.Placed))
	for _, i := range l.m.Placed {
		v := row[i]
		if l.m.Columns[i].Role == Address {
			v, number, ok = splitHouse(v)
		}
		parts = append(parts, v)
	}
	if i, has := l.at[House]; has {
		var rest string
		rest, number, ok = splitHouse(row[i])
		suffix = strings.TrimPrefix(rest, "\x00")
		ok = ok && strings.HasPrefix(rest, "\x00")
	}
	return strings.Join(parts, sep), number, suffix, ok
}

func (l *Learner) address(row []string) uint64 {
	place, number, suffix, _ := l.place(row)
	return hash(place + sep + strconv.Itoa(number) + suffix)
}

func (l *Learner) learnNumber(id string) {
	if id == "" || len(id) > 40 {
		return
	}
	t := &l.tallies
	t.lengths.add(strconv.Itoa(len(id)))
	cut := max(0, len(id)-tailLength)
	if t.begin[len(id)] == nil {
		t.begin[len(id)], t.tail[len(id)] = tally{}, make([]tally, len(id)-cut)
		for i := range t.tail[len(id)] {
			t.tail[len(id)][i] = tally{}
		}
	}
	t.begin[len(id)].add(id[:cut])
	for i := cut; i < len(id); i++ {
		t.tail[len(id)][i-cut].add(id[i : i+1])
	}
	if n, err := strconv.ParseUint(id, 10, 63); err == nil && id[0] != '0' {
		l.m.Numbers.Max = max(l.m.Numbers.Max, n)
	}
}

var errFewRows = errors.New("honey: too few rows to invent others like them: at least 200 with a date of birth")

// Model ends the learning.
func (l *Learner) Model() (*Model, error) {
	if !l.begun {
		l.begin()
	}
	t, m := &l.tallies, l.m
	m.Births, m.Days, m.Family, m.Places, m.Suffix = t.births.weights(), t.days.weights(), t.family.weights(), t.places.weights(), t.suffix.weights()
	if m.Births.total < 200 {
		return nil, errFewRows
	}
	m.Given = map[string]Weights{}
	for k, v := range t.given {
		m.Given[k] = v.weights()
	}
	m.Numbers.Length, m.Numbers.Begin, m.Numbers.Tail = t.lengths.weights(), map[int]Weights{}, map[int][]tails{}
	for n, v := range t.begin {
		m.Numbers.Begin[n] = v.weights()
		for _, place := range t.tail[n] {
			m.Numbers.Tail[n] = append(m.Numbers.Tail[n], place.weights())
		}
	}
	m.Others = map[int]Weights{}
	for i, v := range t.others {
		m.Others[i] = v.weights()
	}
	m.Sizes, m.Partner = l.homes.weights()
	return m, m.whole()
}

// whole makes sure that addresses and phones need not be invented where nearly everybody has one.
func (m *Model) whole() error {
	for i, c := range m.Columns {
		if w := m.Others[i]; c.Role == Phone && w.total > 0 && len(w.All) == 1 && w.All[0].V != "" {
			return fmt.Errorf("honey: everybody has a %s, and none can be invented that is nobody's; leave the column out of the extract", c.Name)
		}
	}
	return nil
}

// Digest names a model by what it holds.
func (m *Model) Digest() string {
	raw, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// ready makes a model that was read usable.
func (m *Model) ready() {
	for _, w := range []*Weights{&m.Births, &m.Days, &m.Family, &m.Places, &m.Suffix, &m.Sizes, &m.Partner, &m.Numbers.Length} {
		w.ready()
	}
	for _, all := range []map[string]Weights{m.Given} {
		for k, w := range all {
			w.ready()
			all[k] = w
		}
	}
	for _, all := range []map[int]Weights{m.Others, m.Numbers.Begin} {
		for k, w := range all {
			w.ready()
			all[k] = w
		}
	}
	for _, list := range m.Numbers.Tail {
		for i := range list {
			list[i].ready()
		}
	}
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash never fails
	return h.Sum64() * 0x9e3779b97f4a7c15
}

// member is one of a household.
type member struct {
	family uint64
	sex    string
	year   int
}

// homes samples whole households: addresses whose hash ends in so many zeros.
type homes struct {
	members map[uint64][]member
	zeros   uint
}

const (
	maxHomes = 50_000
	maxHome  = 8 // larger ones are blocks of flats
)

func (h *homes) add(address uint64, m member) {
	if address&(1<<h.zeros-1) != 0 {
		return
	}
	if have := h.members[address]; len(have) <= maxHome {
		h.members[address] = append(have, m)
	}
	for len(h.members) > maxHomes {
		h.zeros++
		for a := range h.members {
			if a&(1<<h.zeros-1) != 0 {
				delete(h.members, a)
			}
		}
	}
}

// weights are the sizes, and how others in a household are like the first.
func (h *homes) weights() (sizes, partner Weights) {
	size, like := tally{}, tally{}
	for _, all := range h.members {
		if len(all) > maxHome {
			continue
		}
		size.add(strconv.Itoa(len(all)))
		for _, m := range all[1:] {
			like.add(fmt.Sprintf("%t%s%t%s%d", m.family == all[0].family, sep, m.sex == all[0].sex, sep, m.year-all[0].year))
		}
	}
	return size.weights(), like.weights()
}
