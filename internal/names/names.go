// Package names scores look-alike names, addresses and domains.
//
// An attacker who poses as somebody writes that person's name so that a reader
// takes it for the true one: as it is, with a title, with a letter from another
// script, with a character that cannot be seen. This package undoes each of
// these, says which were used, and how close the result is. It is pure: no I/O,
// no clock, no state but the index its caller built.
//
// A name is compared word by word. Each word of the text is looked up among the
// indexed words in the forms it can take (its romanisations, its shape, its
// nicknames, one slip of the keyboard); two words that belong to one indexed name
// make a candidate, and the candidate is aligned with the whole text. So a shared
// surname alone never matches, nor does a shared given name.
//
// What stays ambiguous is left to the caller with the numbers to judge it: the
// score, and how many indexed people share each part (Rarity). Two people may
// simply have the same name; nothing here can tell them apart.
package names

import (
	"slices"
	"strings"
)

// Class says how a name differs from the one it imitates.
type Class string

// The classes of a look-alike name.
const (
	ClassInvisible      Class = "invisible"      // characters that cannot be seen, or that turn the order
	ClassHomoglyph      Class = "homoglyph"      // letters that look like others (UTS #39), rn for m, 1 for l
	ClassTypo           Class = "typo"           // one letter missing, added, swapped or replaced in a word
	ClassTransliterated Class = "transliterated" // another script, or another romanisation
	ClassNickname       Class = "nickname"       // Bob for Robert
	ClassInitials       Class = "initials"       // A. Keller
	ClassPartial        Class = "partial"        // a middle name or second surname missing, or words added
	ClassReordered      Class = "reordered"      // Keller Anna
	ClassTitle          Class = "title"          // a title, office or organisation beside the name
	ClassExact          Class = "exact"
)

// byDeception is the order of Match.Classes.
var byDeception = [...]Class{ClassInvisible, ClassHomoglyph, ClassTypo, ClassTransliterated, ClassNickname,
	ClassInitials, ClassPartial, ClassReordered, ClassTitle}

// Floor is the score below which nothing is returned.
const Floor = 0.5

// maxMatches bounds what one look-up returns.
const maxMatches = 16

// Entry is one name, or one variant of a name, of the person Key.
type Entry struct {
	Key  int
	Name string
}

// Match is one indexed name that a text resembles.
type Match struct {
	Key     int
	Name    string  // the indexed name, as it was given
	Class   Class   // the strongest deception among Classes
	Classes []Class // all that were used, strongest first
	Score   float64 // 0 to 1; 1 is the name itself
	Rarity  Rarity
	Why     string // plain words: each word of the name and how the text writes it
}

// Has tells whether class is among the match's classes.
func (m *Match) Has(class Class) bool { return slices.Contains(m.Classes, class) }

// Rarity says how many indexed people share parts of the matched name, so that
// a caller can weigh namesakes. Common is set where the surname is one of the
// frequent ones of the world, however few indexed people have it.
type Rarity struct {
	Surname int
	Given   int
	Whole   int
	Common  bool
}

// Compare scores the text a against the name b. Score is 0 where they differ.
func Compare(a, b string) Match {
	if found := NewIndex([]Entry{{Name: b}}).Lookup(a); len(found) > 0 {
		return found[0]
	}
	return Match{Name: b}
}

// LocalPart scores the local part of an address against one name. Score is 0
// where the name is not in it.
func LocalPart(local, name string) Match {
	if found := NewIndex([]Entry{{Name: name}}).LookupLocal(local); len(found) > 0 {
		return found[0]
	}
	return Match{Name: name}
}

// Lookup returns the people whom a display name resembles, best first. Titles,
// addresses, quotes, parentheses and words of an office may stand around the name.
func (x *Index) Lookup(display string) []Match {
	var buf [8]token
	toks := tokenize(buf[:0], display)
	if !x.whole {
		splitPeople(toks)
	}
	return x.find(toks, false)
}

// LookupLocal returns the people named in the local part of an address
// ("anna.keller.mp", "keller_anna77", "akeller"), best first. It takes a surname
// with a given name, or with an initial where few share that surname.
func (x *Index) LookupLocal(local string) []Match {
	local = cut(local, maxDisplay)
	if plus := strings.IndexByte(local, '+'); plus > 0 {
		local = local[:plus]
	}
	var buf [8]token
	return x.find(tokenize(buf[:0], strings.Map(localSeparator, local)), true)
}

// Fingerprint is the same for names that a reader takes for each other at a
// glance: the shapes of their words, whatever their order. Titles don't count.
func Fingerprint(name string) string {
	var buf [8]token
	var shapes []string
	for _, t := range tokenize(buf[:0], name) {
		if !t.title && !particles[t.raw] {
			shapes = append(shapes, shape(t.written))
		}
	}
	slices.Sort(shapes)
	return strings.Join(shapes, " ")
}

// Words counts the words of a name that can tell it from others: not titles, not
// particles, not initials.
func Words(name string) int {
	var buf [8]token
	n := 0
	for _, t := range tokenize(buf[:0], name) {
		if !t.title && !particles[t.raw] && !t.initial() {
			n++
		}
	}
	return n
}
