// Package honey invents voters for copies of a register, so that a copy that turns up
// tells whose it was.
//
// Each lawful extract gets a set of its own. Its voters follow the register's own distributions ([Model]): given names by sex and decade of
// birth, family names, streets with their postcodes and ranges of house numbers, households with the family
// names and ages that live together, the form and check digits of numbers. None has the number, or the names and date of
// birth, of a real voter. They stand in extracts and views only, never in the statutory register: nobody could
// vote for them there, and a register with invented people in it is a wrong register.
//
// A set is derived from a key, the recipient, the extract and the model: only these are kept ([Book]), with the
// places where the derivation had to step aside for a real voter. Without the key nobody can tell the invented from the real, and
// the people who use an extract are not told how many there are.
//
// # What gives them away
//
// Somebody who holds a second, later copy can compare: whoever stands in one extract only is suspect. Where
// numbers have no gaps at all, invented ones lie behind the last. Columns that depend on each other in a way that is
// not learned (a ward by a date, say) may contradict. Districts of a handful of voters, who all know each other, are
// no place for them. Plausibility is measured, see docs/COPIES.md.
package honey

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/register/copies"
)

// Role is what a column holds.
type Role string

// The roles. A column of any other kind is drawn as it is distributed, by itself or with the street.
const (
	ID       Role = "id"
	Given    Role = "given"
	Family   Role = "family"
	Name     Role = "name" // given and family in one
	Sex      Role = "sex"
	Born     Role = "born"
	Street   Role = "street"
	House    Role = "house"
	Address  Role = "address" // street and house number in one
	Postcode Role = "postcode"
	Town     Role = "town"
	Mail     Role = "mail"
	Phone    Role = "phone"
	Other    Role = "other"
)

// Column is one of the register or an extract.
type Column struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
}

// headings are what columns are called, in lower case letters only.
var headings = map[Role][]string{
	ID:       {"id", "no", "nr", "number", "voterid", "voterno", "voter", "electorno", "electornumber", "electorid", "elector", "regno", "registrationnumber", "nummer", "numero", "lp"},
	Given:    {"given", "givenname", "givennames", "firstname", "forename", "forenames", "vorname", "vornamen", "prenom", "prenoms", "nombre", "nome", "imie", "imiona", "voornaam", "voornamen", "fornavn"},
	Family:   {"family", "familyname", "surname", "lastname", "nachname", "familienname", "nom", "apellido", "apellidos", "cognome", "nazwisko", "achternaam", "etternavn", "efternavn"},
	Name:     {"name", "fullname", "nameinfull"},
	Sex:      {"sex", "gender", "geschlecht", "sexe", "sexo", "sesso", "plec", "geslacht", "kjonn", "kon"},
	Born:     {"born", "birth", "birthdate", "dateofbirth", "dob", "geburtsdatum", "geboren", "datedenaissance", "fechadenacimiento", "datadinascita", "dataurodzenia", "geboortedatum", "fodselsdato"},
	Street:   {"street", "streetname", "strasse", "rue", "calle", "via", "ulica", "straat", "gate"},
	House:    {"house", "houseno", "housenumber", "hausnummer", "nrdomu", "huisnummer"},
	Address:  {"address", "addressline", "anschrift", "adresse", "direccion", "indirizzo", "adres"},
	Postcode: {"postcode", "postalcode", "zip", "zipcode", "plz", "codepostal", "cp", "cap", "kodpocztowy", "postnummer"},
	Town:     {"town", "city", "ort", "stadt", "ville", "ciudad", "comune", "miasto", "plaats", "poststed"},
	Mail:     {"mail", "email", "emailaddress", "mailaddress"},
	Phone:    {"phone", "telephone", "mobile", "telefon", "tel", "handy"},
}

// Guess names the roles of columns by their headings.
func Guess(head []string) []Column {
	all := make([]Column, len(head))
	taken := map[Role]bool{}
	for i, h := range head {
		all[i] = Column{h, Other}
		bare := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.NewReplacer("é", "e", "ß", "ss", "ó", "o", "ę", "e", "ł", "l", "ø", "o").Replace(strings.ToLower(h)))
		for role, words := range headings {
			if !taken[role] && slices.Contains(words, bare) {
				all[i].Role, taken[role] = role, true
				break
			}
		}
	}
	// "name" beside a given name is the family's
	for i := range all {
		if all[i].Role == Name && taken[Given] && !taken[Family] {
			all[i].Role = Family
		}
	}
	return all
}

// Assign takes roles by hand: "elector=id" and the like.
func Assign(columns []Column, roles map[string]string) error {
	for name, role := range roles {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return fmt.Errorf("honey: there is no column %q", name)
		}
		if _, ok := headings[Role(role)]; !ok && Role(role) != Other {
			return fmt.Errorf("honey: a column can be no %q", role)
		}
		columns[i].Role = Role(role)
	}
	return nil
}

// Person reads who a row is about.
func Person(columns []Column, row []string) (p copies.Person) {
	for i, c := range columns {
		if i >= len(row) {
			break
		}
		switch c.Role {
		case ID:
			p.ID = row[i]
		case Given:
			p.Given = row[i]
		case Family, Name:
			p.Family = row[i]
		case Born:
			p.Born = row[i]
		}
	}
	return p
}

// Check tells whether the columns suffice: honey voters need a date of birth and a name to be known by.
func Check(columns []Column) error {
	has := func(roles ...Role) bool {
		return slices.ContainsFunc(columns, func(c Column) bool { return slices.Contains(roles, c.Role) })
	}
	if !has(Born) || !has(Family, Name) {
		return fmt.Errorf("honey: the columns %s have no name or no date of birth; say which are with --column NAME=ROLE", names(columns))
	}
	return nil
}

func names(columns []Column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}
