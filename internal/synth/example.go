package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The shipped example: the Parliament of Verania, two years of mail in a dozen
// mailboxes, and six things that somebody should have been told about.

const exampleSeed = 20240108

// cast are the people of the story, before the generated ones.
var cast = []struct {
	given, family  word
	lang, role     string
	organisation   int
	private, topic string
}{
	{word{"Anna", "", ""}, word{"Keller", "", ""}, "en", "Committee chair", 0, "anna.keller@postbox.example", "exile communities,port ownership,human rights"},
	{word{"Thomas", "", "Tom"}, word{"Wright", "", ""}, "en", "Member of Parliament", 0, "tom.wright7@webmail.example", "port ownership,sanctions,telecoms equipment"},
	{word{"Olena", "Олена", "Lena"}, word{"Kovalchuk", "Ковальчук", ""}, "en", "Member of Parliament", 0, "okovalchuk@freepost.example", "exile communities,media freedom"},
	{word{"Björn", "", ""}, word{"Lindqvist", "", ""}, "en", "Deputy Speaker", 0, "", "port ownership,defence procurement"},
	{word{"Lihua", "丽华", ""}, word{"Wang", "王", ""}, "en", "Member of Parliament", 0, "lihua.wang@postbox.example", "research cooperation,housing"},
	{word{"Giorgos", "Γιώργος", ""}, word{"Papadakis", "Παπαδάκης", ""}, "en", "Whip", 0, "", "fisheries,rail freight"},
	{word{"Layla", "ليلى", ""}, word{"Haddad", "حداد", ""}, "en", "Member of Parliament", 0, "", "water quality,housing"},
	{word{"Małgorzata", "", "Gosia"}, word{"Wójcik", "", ""}, "pl", "Member of Parliament", 0, "", "electoral law,data protection"},
	{word{"Friedrich", "", "Fritz"}, word{"Möller", "", ""}, "de", "Minister", 1, "", "energy security,sanctions"},
	{word{"Claire", "", ""}, word{"Dubois", "", ""}, "fr", "Office manager", 0, "", ""},
	{word{"Daniel", "", "Dan"}, word{"Hughes", "", ""}, "en", "Parliamentary assistant", 0, "", ""},
	{word{"Ngozi", "", ""}, word{"Okafor", "", ""}, "en", "Commission officer", 2, "", ""},
	{word{"Åsa", "", ""}, word{"Nyström", "", ""}, "en", "Member of Parliament", 3, "", "exile communities,human rights"},
}

// ExampleHouse is the Parliament of Verania with forty people.
func ExampleHouse() *House {
	d := newDraw(exampleSeed, "example house")
	h := newHouse(d, realms[0], 0)
	h.Organisations[3] = Organisation{Name: "Diet of Lindmark", Names: []string{"Lindmark Diet"}, Domains: []string{"lindmark-diet.example"}}
	for i, c := range cast {
		org := h.Organisations[c.organisation]
		p := Person{ID: fmt.Sprintf("p%04d", i+1), given: c.given, family: c.family, Language: c.lang, Role: c.role, Organisation: org.Name, Foreign: c.organisation == 3}
		p.Name = p.Latin()
		if native := p.native(); native != p.Name {
			p.Names = append(p.Names, native)
		}
		if c.given.native != "" && c.family.latin == "Wang" {
			p.Names = append(p.Names, "Wang Lihua")
		}
		if c.given.nick != "" {
			p.Names = append(p.Names, c.given.nick+" "+c.family.latin)
		}
		p.Addresses = []string{localPart(c.given.latin) + "." + localPart(c.family.latin) + "@" + org.Domains[0]}
		if c.private != "" {
			p.Addresses = append(p.Addresses, c.private)
		}
		if c.topic != "" {
			p.Topics = strings.Split(c.topic, ",")
			p.Committees = some(d, committees, 2)
		}
		if c.organisation == 0 && c.topic != "" {
			p.Office = fmt.Sprintf("Office %d", 201+i)
		}
		h.People = append(h.People, p)
	}
	h.addPeople(d, 40)
	for i := range h.People { // the two assistants of the story belong to Anna Keller
		h.People[i].Staff = slices.DeleteFunc(h.People[i].Staff, func(id string) bool { return id == "p0010" || id == "p0011" })
		h.People[i].Delegates = slices.DeleteFunc(h.People[i].Delegates, func(id string) bool { return id == "p0010" || id == "p0011" })
	}
	h.People[0].Staff, h.People[0].Delegates = []string{"p0010", "p0011"}, []string{"p0010"}
	return h
}

// ExamplePeopleTOML is people.toml of the example, with remarks for its reader.
func ExamplePeopleTOML() string {
	h := ExampleHouse()
	var b strings.Builder
	b.WriteString(exampleHead)
	for i := range h.People {
		if remark := exampleRemarks[i]; remark != "" {
			b.WriteString("# " + strings.ReplaceAll(remark, "\n", "\n# ") + "\n")
		}
		h.People[i].writeTOML(&b)
	}
	rest := h.PeopleTOML()
	rest = rest[strings.Index(rest, "[[organisation]]"):]
	for _, r := range []struct{ table, remark string }{
		{"[[organisation]]", "Organisations: their names and domains. own = true marks the house itself and what belongs\n# to it; login_hosts are where its people really sign in."},
		{"[[outlet]]", "Newspapers and stations that are known to write to members."},
		{"[[partner]]", "Bodies the house works with."},
		{"[[bulk]]", "Providers that send newsletters for others. Their tracking is ordinary."},
		{"[mailboxes]", "Whose mail lies in which folder or file, where the messages themselves do not say."},
	} {
		rest = strings.Replace(rest, r.table, "# "+r.remark+"\n"+r.table, 1)
	}
	b.WriteString(rest)
	for _, name := range []string{"thomas.wright.mbox=p0002", "olena.kovalchuk.mbox.gz=p0003", "lihua.wang.zip=p0005"} {
		file, id, _ := strings.Cut(name, "=")
		b.WriteString(quoteTOML(file) + " = " + quoteTOML(id) + "\n")
	}
	return b.String()
}

const exampleHead = `# The Parliament of Verania. It does not exist, and neither does anybody in it: every
# domain is a reserved name. Written by "go run ./examples/generate"; change that, not this.
#
# Each [[person]] is somebody to protect: the name as it is usually written, other spellings
# in any script (names), every address that is truly theirs, private ones included, and what
# they work on. Staff act for a member; delegates may also read the member's mail.

`

// exampleRemarks stand before the person with that number.
var exampleRemarks = map[int]string{
	0:  "Members. Anna Keller chairs a committee and has a private address that is hers:\nmail from there is no impersonation.",
	2:  "Two scripts: both spellings protect her.",
	4:  "Family name first or last, in either script.",
	8:  "A minister, on the ministry's own domain.",
	9:  "Staff. They have no topics, but they have the keys to the mailboxes.",
	11: "The electoral commission.",
	12: "A colleague abroad. Her mailbox holds what she reported to the house.",
	13: "Everybody else.",
}

// Example is the example's mail, in order of time.
func Example() []Mail {
	d := newDraw(exampleSeed, "example mail")
	h := ExampleHouse()
	inner := *h
	inner.People = slices.Clone(h.People[:len(cast)])
	s := scene{&inner, d}
	mails := slices.Concat(s.ordinary(), s.courier(), s.jointLetter(), s.login(), s.printing(), s.extract(), s.traps())
	return inOrder(mails)
}

// scene plays the set pieces.
type scene struct {
	h *House
	d *draw
}

func (s scene) person(i int) *Person { return &s.h.People[i] }

func on(year int, month time.Month, day, hour, minute int) time.Time {
	return time.Date(year, month, day, hour, minute, 17, 0, time.UTC)
}

// piece fills a set text.
func (s scene) piece(kind string, l *letter, to, from string, extra ...string) {
	t := pool(s.d.templates("example"), "en", kind)[0]
	words := append(append(s.d.occasion("en", l.when), personal(to, from)...), extra...)
	var body string
	l.subject, body = words.template(t)
	l.text = s.d.letterText("en", body, words)
}

// ordinary is the mail among which the rest lies.
func (s scene) ordinary() []Mail {
	var mails []Mail
	asa := s.person(12).Mailbox() // hers holds only what she reported
	for len(mails) < 155 {
		told := s.h.story(s.d)
		mails = append(mails, slices.DeleteFunc(told, func(m Mail) bool { return m.Mailbox == asa })...)
	}
	for i, reader := range [][]int{{0, 1, 3, 5}, {0, 2, 6, 7, 8}} {
		m := s.h.espMailing(s.d, s.h.Outlets[i+1], "en")
		for issue := range 7 {
			when := on(2024, time.February, 5, 6, 30).AddDate(0, 3*issue, 7*i)
			s.d.issue(m, "press", when)
			mails = append(mails, s.h.send(s.d, m, s.people(reader...), when, Truth{Class: "newsletter"}, false)...)
		}
	}
	return append(mails, s.h.letters(s.d, s.people(1, 5, 7), 36, on(2025, time.March, 3, 8, 0))...)
}

func (s scene) people(places ...int) []*Person {
	var out []*Person
	for _, i := range places {
		out = append(out, s.person(i))
	}
	return out
}
