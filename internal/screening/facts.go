package screening

import (
	"fmt"
	"slices"
	"strings"
)

// What a fact beyond the name does to a score. Birth dates and countries are often
// wrong or partial on lists, so neither alone decides against a name that fits.
const (
	sameBirth    = 0.05 // added
	sameCountry  = 0.02
	sameNumber   = 0.97 // at least
	otherBirth   = 0.75 // what is left
	nearBirth    = 0.95
	otherCountry = 0.95
	otherGender  = 0.85
	justBelow    = MatchThreshold - 0.01
	sameName     = 0.95  // from here on a rare name is not let go for one fact that contradicts
	common       = -5.01 // powers of ten
	commonAlone  = -3.01
)

// hit weighs what is known beyond the name and writes everything down.
func (s *search) hit(q Query, e *Entity, name Name, score float32) Hit {
	h := Hit{Entity: e, Name: name, Score: rounded(score), NameScore: rounded(score)}
	second := h.weighFacts(q)
	if !second && (s.commonplace() || name.Kind == NameWeakAlias && len(s.entry) <= 1) {
		h.Possible = true
		h.Score = min(h.Score, justBelow)
	}
	if h.Score >= Floor {
		h.Alignment, h.Against = s.aligner.explain(), append(s.aligner.against(), h.Against...)
	}
	if name.Kind == NameWeakAlias {
		h.Against = append(h.Against, "the list calls this alias weak")
	}
	switch {
	case h.Possible:
		h.Against = append(h.Against, "very many people bear this name: it needs a birth date or nationality")
	case h.NameScore >= sameName && h.Score < MatchThreshold: // lists err in dates and countries, and people deceive
		h.Possible, h.Score = true, max(h.Score, Floor)
		h.Against = append(h.Against, "few people bear this name: compare a document before letting it go")
	}
	return h
}

// weighFacts compares birth, country, gender and identifiers, and tells whether one of them
// says that the person is the same.
func (h *Hit) weighFacts(q Query) (second bool) {
	second = h.weighBirth(q.Born)
	second = h.weighCountry(q.Countries) || second
	if q.Gender != "" && h.Entity.Gender != "" && !sameGender(q.Gender, h.Entity.Gender) {
		h.Score *= otherGender
		h.Against = append(h.Against, "gender differs")
	}
	for _, n := range q.Identifiers {
		if slices.ContainsFunc(h.Entity.Identifiers, func(o Identifier) bool { return sameIdentifier(n, o) }) {
			h.Score = max(h.Score, sameNumber)
			h.For = append(h.For, "same identifier "+n.Value)
			second = true
		}
	}
	h.Score = min(1, float64(int(h.Score*10000+0.5))/10000)
	return second
}

func sameGender(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a[:1] == b[:1]
}

func (h *Hit) weighBirth(born PartialDate) bool {
	if born.Year == 0 || len(h.Entity.Births) == 0 {
		return false
	}
	best := birthDiffers
	for _, b := range h.Entity.Births {
		best = max(best, compareBirths(born, b))
	}
	switch best {
	case birthSame:
		h.Score += sameBirth
		h.For = append(h.For, "birth date agrees")
		return true
	case birthNear:
		h.Score *= nearBirth
		h.Against = append(h.Against, "birth date is not quite the same")
	case birthDiffers:
		h.Score *= otherBirth
		h.Against = append(h.Against, "birth date differs")
	}
	return false
}

type birth int

const (
	birthDiffers birth = iota
	birthNear
	birthUnknown
	birthSame
)

// compareBirths compares dates as far as both are known.
func compareBirths(a, b PartialDate) birth {
	if b.Year == 0 {
		return birthUnknown
	}
	from, to := b.Year, max(b.To, b.Year)
	if b.Approximate {
		from, to = from-2, to+2
	}
	switch {
	case a.Year < from-1 || a.Year > to+1:
		return birthDiffers
	case a.Year < from || a.Year > to:
		return birthNear
	}
	if a.Month == 0 || b.Month == 0 || b.Approximate || b.To > b.Year {
		return birthSame
	}
	if a.Month == b.Month && (a.Day == b.Day || a.Day == 0 || b.Day == 0) || a.Month == b.Day && a.Day == b.Month {
		return birthSame
	}
	return birthNear
}

func (h *Hit) weighCountry(asked []string) bool {
	if len(asked) == 0 {
		return false
	}
	listed := slices.Concat(h.Entity.Nationalities, h.Entity.Countries)
	if len(listed) == 0 {
		return false
	}
	for _, c := range asked {
		for _, o := range listed {
			if Country(c) == Country(o) {
				h.Score += sameCountry
				h.For = append(h.For, fmt.Sprintf("country agrees: %s", o))
				return true
			}
		}
	}
	h.Score *= otherCountry
	h.Against = append(h.Against, "country differs")
	return false
}

func sameIdentifier(a, b Identifier) bool {
	k := identifierKey(a.Value)
	return k != "" && k == identifierKey(b.Value) && (a.Country == "" || b.Country == "" || Country(a.Country) == Country(b.Country)) &&
		(a.Kind == "" || b.Kind == "" || strings.EqualFold(a.Kind, b.Kind))
}

// identifierKey is a number without what is written between its parts. Short ones
// identify nobody.
func identifierKey(v string) string {
	k := keepLetters(strings.ToLower(v))
	if len(k) < 5 {
		return ""
	}
	return k
}

// addByNumber adds entries that share an identifier, whatever their name.
func (x *Index) addByNumber(q Query, hits []Hit) []Hit {
	for _, n := range q.Identifiers {
		for _, id := range x.byNumber[identifierKey(n.Value)] {
			e := &x.entities[id]
			if slices.ContainsFunc(hits, func(h Hit) bool { return h.Entity == e }) || !slices.ContainsFunc(e.Identifiers, func(o Identifier) bool { return sameIdentifier(n, o) }) {
				continue
			}
			h := Hit{Entity: e, Score: sameNumber, For: []string{"same identifier " + n.Value}, Against: []string{"the name differs"}}
			if len(e.Names) > 0 {
				h.Name = e.Names[0]
			}
			hits = append(hits, h)
		}
	}
	return hits
}

// commonplace tells whether so many people bear what agrees of the name that it says
// little: more than about one in 100,000 of those whose language it is. Romanising
// Hangul makes one of about ten given names, which counts.
func (s *search) commonplace() bool {
	if !s.aligner.person {
		return false
	}
	share, words, bySound := float32(0), 0, false
	for i, t := range s.now.toks {
		if s.aligner.inQ[i] == 0 || t.class != plain && t.class != initial {
			continue
		}
		share += max(rarity(t), s.rarityOfMatch(i))
		words++
		bySound = bySound || t.script == hangul
	}
	switch {
	case words == 1:
		return share >= commonAlone
	case bySound && s.entry[0].script == latin:
		return share >= common-1
	}
	return share >= common
}

// rarityOfMatch is the rarity of the entry's word that the query's i-th was found to be.
func (s *search) rarityOfMatch(i int) float32 {
	in := s.aligner.inQ[i]
	if in == 0 {
		return -5
	}
	if g := s.aligner.groups[in-1]; g.qn == 1 && g.en == 1 {
		return rarity(s.entry[g.e])
	}
	return -5
}

// rarity is how many bear a word, as a power of ten. A Chinese given name of one
// syllable stands for dozens written with other characters.
func rarity(t token) float32 {
	switch {
	case t.class == initial:
		return -1
	case t.script == hangul && t.prior < -4:
		return -4
	case t.zh != "" && t.prior < -3 && t.script == latin && syllableTable().pinyin[t.form]:
		return -3
	}
	return t.prior
}
