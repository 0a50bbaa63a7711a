package access

import (
	"errors"
	"fmt"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/people"
)

// Standings tells of protected people what deciding needs to know about them. It never
// changes; with a new people file comes a new one.
type Standings struct {
	dir  *people.Directory
	said map[portcullis.ID]StandingConfig
}

// NewStandings joins the people file and the configuration. A person's house is their
// organisation where the configuration names none. Configured people who are not in the
// file are told as an error beside standings that can be used without them.
func NewStandings(dir *people.Directory, said []StandingConfig) (*Standings, error) {
	s := &Standings{dir: dir, said: map[portcullis.ID]StandingConfig{}}
	var errs []error
	for _, c := range said {
		for _, id := range c.People {
			p := dir.Person(id)
			if p == nil {
				errs = append(errs, fmt.Errorf("desk.standing names %q, who is not in the people file", id))
				continue
			}
			s.said[p.ID] = c.over(s.said[p.ID])
		}
	}
	return s, errors.Join(errs...)
}

// over adds what an earlier entry said about the same person; privilege is never taken
// back by a later one.
func (c StandingConfig) over(earlier StandingConfig) StandingConfig {
	if len(c.Houses) == 0 {
		c.Houses = earlier.Houses
	}
	if c.Party == "" {
		c.Party = earlier.Party
	}
	if c.Privileged == "" {
		c.Privileged = earlier.Privileged
	}
	return c
}

// Of are the subjects with those ids. Somebody unknown is in no house and no party, and so
// outside every bound.
func (s *Standings) Of(ids ...portcullis.ID) []Subject {
	subjects := make([]Subject, len(ids))
	for i, id := range ids {
		subjects[i] = s.one(id)
	}
	return subjects
}

func (s *Standings) one(id portcullis.ID) Subject {
	if s == nil || s.dir == nil {
		return Subject{Person: id}
	}
	p := s.dir.Person(id)
	if p == nil {
		return Subject{Person: id}
	}
	said := s.said[p.ID]
	subject := Subject{Person: p.ID, Houses: said.Houses, Party: said.Party, Privileged: said.Privileged}
	if subject.Party == "" {
		subject.Party = p.Party
	}
	if len(subject.Houses) == 0 && p.Organisation != "" {
		subject.Houses = []string{p.Organisation}
	}
	return subject
}

// person finds somebody by id, or by an address that is theirs alone.
func (s *Standings) person(idOrAddress string) portcullis.ID {
	if s == nil || s.dir == nil {
		return ""
	}
	if p := s.dir.Person(portcullis.ID(idOrAddress)); p != nil {
		return p.ID
	}
	if owners := s.dir.ByAddress(idOrAddress); len(owners) == 1 {
		return owners[0].ID
	}
	return ""
}
