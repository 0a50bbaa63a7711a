package honey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// Voter is an invented one.
type Voter struct {
	Row    []string      // as it stands in the extract
	Person copies.Person // date of birth as 2006-01-02
	Mail   string        // "" if there is no such column, or the voter has none

	lead string // how the number begins
}

// Taken tells whether a real voter has the number, or the names and date of birth. Either may be empty.
type Taken func(p copies.Person) bool

// Step is where the derivation stands for one household that was taken in: the candidate, and
// how often a number was drawn for each member.
type Step struct {
	Candidate int   `json:"c"`
	Tries     []int `json:"t"`
}

// Limits of the search for voters who are nobody.
const (
	maxTries      = 400 // of a number, before one beyond the last is taken
	maxBeyond     = 200 // of those
	maxCandidates = 200 // for each voter that is wanted
)

var errTaken = errors.New("honey: no numbers and names are left that are nobody's")

// maker derives voters from a seed.
type maker struct {
	m    *Model
	seed []byte
	mail string // domain of honey addresses
	at   map[Role]int
	used map[string]bool
}

func newMaker(m *Model, seed []byte, mailDomain string) *maker {
	k := &maker{m: m, seed: seed, mail: mailDomain, at: map[Role]int{}, used: map[string]bool{}}
	for i, c := range m.Columns {
		if _, ok := k.at[c.Role]; !ok {
			k.at[c.Role] = i
		}
	}
	return k
}

// stream is the random numbers of one candidate.
func (k *maker) stream(parts ...int) *rand.Rand {
	h := hmac.New(sha256.New, k.seed)
	var raw [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(raw[:], uint64(p))
		h.Write(raw[:])
	}
	return rand.New(rand.NewChaCha8([32]byte(h.Sum(nil))))
}

// plant finds n voters who are nobody, and notes the steps.
func (k *maker) plant(n int, taken Taken) (all []Voter, steps []Step, err error) {
	for c := 0; len(all) < n; c++ {
		if c > n*maxCandidates {
			return nil, nil, errTaken
		}
		home := k.household(c)
		home = home[:min(len(home), n-len(all))]
		step := Step{Candidate: c}
		for i := range home {
			tries, ok := k.settle(&home[i], c, i, taken)
			if !ok {
				break
			}
			step.Tries = append(step.Tries, tries)
		}
		if len(step.Tries) < len(home) {
			continue
		}
		for _, v := range home {
			k.used[v.Person.ID], k.used[nameKey(v.Person)] = true, true
		}
		all, steps = append(all, home...), append(steps, step)
	}
	return all, steps, nil
}

// again derives the same voters from the steps.
func (k *maker) again(steps []Step) (all []Voter, err error) {
	for _, s := range steps {
		home := k.household(s.Candidate)
		if len(home) < len(s.Tries) {
			return nil, errors.New("honey: the set was made with another model or key")
		}
		for i, try := range s.Tries {
			if _, ok := k.at[ID]; ok {
				k.number(&home[i], s.Candidate, i, try)
			}
			all = append(all, home[i])
		}
	}
	return all, nil
}

func nameKey(p copies.Person) string { return p.Given + sep + p.Family + sep + p.Born }

// settle gives a voter a number that is nobody's.
func (k *maker) settle(v *Voter, candidate, i int, taken Taken) (try int, ok bool) {
	if k.used[nameKey(v.Person)] || taken(copies.Person{Given: v.Person.Given, Family: v.Person.Family, Born: v.Person.Born}) {
		return 0, false
	}
	if _, has := k.at[ID]; !has {
		return 0, true
	}
	for try := range maxTries + maxBeyond {
		k.number(v, candidate, i, try)
		if id := v.Person.ID; id != "" && !k.used[id] && !taken(copies.Person{ID: id}) {
			return try, true
		}
	}
	return 0, false
}

func (k *maker) number(v *Voter, candidate, i, try int) {
	beyond := try >= maxTries && k.m.Numbers.Max > 0
	id := k.m.Numbers.draw(k.stream(candidate, i, try), v.Person.Born, v.lead, beyond)
	v.Person.ID = id
	v.Row[k.at[ID]] = id
}

// household invents people who live together.
func (k *maker) household(candidate int) []Voter {
	r := k.stream(candidate)
	size, err := strconv.Atoi(k.m.Sizes.draw(r))
	if err != nil {
		size = 1
	}
	place, house, lead := k.place(r)
	first := k.first(r)
	home := []Voter{k.voter(r, first, place, house)}
	for range size - 1 {
		home = append(home, k.voter(r, k.companion(r, first), place, house))
	}
	for i := range home {
		home[i].lead = lead
	}
	return home
}

// identity is what is drawn of a voter before the names.
type identity struct {
	sex    string
	year   int
	family string
}

func (k *maker) first(r *rand.Rand) identity {
	sex, year, _ := strings.Cut(k.m.Births.draw(r), sep)
	n, _ := strconv.Atoi(year)
	return identity{sex, n, k.m.Family.draw(r)}
}

// companion is somebody else in the household.
func (k *maker) companion(r *rand.Rand, first identity) identity {
	next := k.first(r)
	parts := strings.Split(k.m.Partner.draw(r), sep)
	if len(parts) != 3 {
		return next
	}
	if parts[0] == "true" {
		next.family = first.family
	}
	if diff, err := strconv.Atoi(parts[2]); err == nil {
		next.year = first.year + diff
	}
	for range 20 { // the other sex, where there are two
		if (next.sex == first.sex) == (parts[1] == "true") {
			break
		}
		next.sex = k.first(r).sex
	}
	return next
}

// place draws a street with all that goes with it, and a house number in its range.
func (k *maker) place(r *rand.Rand) (parts []string, house, lead string) {
	place := k.m.Places.draw(r)
	s := k.m.Houses[place]
	number := s.Min
	if s.Max > s.Min {
		number = s.Min + r.IntN(s.Max-s.Min+1)
		if odd := r.IntN(max(1, s.All)) < s.Odd; (number%2 == 1) != odd && number < s.Max {
			number++
		}
	}
	house = strconv.Itoa(number) + k.m.Suffix.draw(r)
	parts = strings.Split(place, sep)
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "\x00", strconv.Itoa(number))
	}
	if s.All == 0 {
		house = ""
	}
	return parts, house, s.Lead
}

// voter fills a row.
func (k *maker) voter(r *rand.Rand, who identity, place []string, house string) Voter {
	v := Voter{Row: make([]string, len(k.m.Columns))}
	given := k.given(r, who)
	born := fmt.Sprintf("%04d-%s", who.year, k.m.Days.draw(r))
	if t, err := time.Parse(time.DateOnly, born); err == nil {
		born = t.Format(time.DateOnly)
	} else {
		born = fmt.Sprintf("%04d-02-28", who.year) // 29 February of another year
	}
	v.Person = copies.Person{Given: given, Family: strings.TrimPrefix(who.family, ", "), Born: born}
	for i, p := range k.m.Placed {
		if i < len(place) {
			v.Row[p] = place[i]
		}
	}
	for i, c := range k.m.Columns {
		switch c.Role {
		case Given:
			v.Row[i] = given
		case Family:
			v.Row[i] = who.family
		case Name:
			v.Row[i] = whole(given, who.family)
		case Sex:
			v.Row[i] = who.sex
		case Born:
			v.Row[i], _ = birthIn(born, k.m.Layout)
		case House:
			v.Row[i] = house
		case Mail:
			v.Row[i] = k.address(r, i, &v)
		case Other:
			if w, ok := k.m.Others[i]; ok {
				v.Row[i] = w.draw(r)
			}
		}
	}
	return v
}

func whole(given, family string) string {
	if rest, ok := strings.CutPrefix(family, ", "); ok {
		return rest + ", " + given
	}
	return strings.TrimSpace(given + " " + family)
}

// given draws a name of the decade and sex, or of a decade near by.
func (k *maker) given(r *rand.Rand, who identity) string {
	for _, off := range []int{0, -10, 10, -20, 20, -30, 30} {
		w := k.m.Given[who.sex+sep+fmt.Sprint((who.year+off)/10)]
		if w.total > 0 {
			return w.draw(r)
		}
	}
	return ""
}

// address is an address of the voter at the domain that is kept for this, if as many have one.
func (k *maker) address(r *rand.Rand, column int, v *Voter) string {
	w := k.m.Others[column]
	if w.draw(r) == "" || k.mail == "" {
		return ""
	}
	local := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c == '.' {
			return c
		}
		return -1
	}, strings.ToLower(v.Person.Given+"."+v.Person.Family))
	v.Mail = fmt.Sprintf("%s%02d@%s", strings.Trim(local, "."), r.IntN(100), k.mail)
	return v.Mail
}
