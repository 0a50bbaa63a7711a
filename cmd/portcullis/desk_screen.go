package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Screen holds a name against the lists in force. That somebody asked is in the audit; the
// name is in the ledger's own log only, where it is sealed.
func (d *deskService) Screen(ctx context.Context, q web.ScreenQuery) (out web.Screening, err error) {
	object := access.Object{ID: "screening"}
	if strings.TrimSpace(q.Name) == "" {
		if err := d.may(ctx, access.Screen, object); err != nil {
			return out, err
		}
		inForce, err := d.names.Lists(ctx)
		for _, v := range inForce {
			out.Lists = append(out.Lists, listInForce(v))
		}
		return out, d.plain(err)
	}
	r := ledger.Request{Name: q.Name, Schema: q.Schema, Born: q.Born}
	if q.Country != "" {
		r.Countries = []string{q.Country}
	}
	if err := checkFields(r); err != nil {
		return out, err
	}
	if err := d.look(ctx, access.Screen, object, nil); err != nil {
		return out, err
	}
	s, err := d.names.Screen(ctx, []ledger.Request{r}, ledger.Options{Who: caller(ctx).Name, Best: mostShown(q.All)})
	switch refused, is := errors.AsType[*ledger.RefusedError](err); {
	case is:
		return out, &web.InvalidError{Why: sentence(refused.Why)}
	case errors.Is(err, ledger.ErrNoLists):
		return out, nil // the page says how to add one
	case err != nil:
		return out, d.plain(err)
	}
	return d.screened(ctx, s)
}

// mostShown bounds the page where all is asked for; 0 is the configured number.
func mostShown(all bool) int {
	if all {
		return web.MaxRows
	}
	return 0
}

// checkFields finds the field that is wrong, so that the form can point to it.
func checkFields(r ledger.Request) error {
	const good = "A" // stands for what is not looked at
	for _, one := range []struct {
		field   string
		request ledger.Request
	}{
		{"name", ledger.Request{Name: r.Name}},
		{"schema", ledger.Request{Name: good, Schema: r.Schema}},
		{"born", ledger.Request{Name: good, Born: r.Born}},
		{"country", ledger.Request{Name: good, Countries: r.Countries}},
	} {
		if refused, is := errors.AsType[*ledger.RefusedError](one.request.Check()); is {
			if one.field == "born" {
				refused = &ledger.RefusedError{Why: "write the birth date as 1985, 1985-04 or 1985-04-23"}
			}
			return &web.InvalidError{Field: one.field, Why: sentence(refused.Why)}
		}
	}
	return nil
}

// screened is the answer in the form of the page.
func (d *deskService) screened(ctx context.Context, s *ledger.Screening) (out web.Screening, err error) {
	inForce, err := d.names.Lists(ctx)
	if err != nil {
		return out, d.plain(err)
	}
	a := s.Answers[0]
	out = web.Screening{
		Outcome: web.ScreenOutcome(a.Outcome), Registered: web.ScreenOutcome(a.Registered), Notes: a.Notes, Threshold: s.Terms.Threshold, Matcher: s.Terms.Matcher,
		Designations: screenEntries(a.Designations), Influence: screenEntries(a.Influence),
	}
	for _, ref := range s.Lists { // those that were asked, should one have changed since
		list := listOf(ref)
		if i := slices.IndexFunc(inForce, func(v ledger.Version) bool { return v.Num == ref.Version }); i >= 0 {
			list = listInForce(inForce[i])
		}
		out.Lists = append(out.Lists, list)
	}
	out.Notes = append(out.Notes, strangeCountries(a)...)
	return out, nil
}

// strangeCountries notes countries that are known by no such name, unless an entry has it too:
// a slip there would count against the right entry.
func strangeCountries(a ledger.Answer) (notes []string) {
	for _, c := range a.Query.Countries {
		code := screening.Country(c)
		has := func(m ledger.Match) bool {
			return slices.ContainsFunc(append(slices.Clone(m.Nationalities), m.Countries...), func(n string) bool { return screening.Country(n) == code })
		}
		if len(code) != 2 && !slices.ContainsFunc(a.Designations, has) && !slices.ContainsFunc(a.Influence, has) {
			notes = append(notes, fmt.Sprintf("“%s” is no country known by that name; it is compared as it is written", c))
		}
	}
	return notes
}

func listOf(r ledger.ListRef) web.ScreenList {
	return web.ScreenList{Name: r.List, Version: r.Version, Published: r.Published, Taken: r.Taken, SHA256: r.SHA256}
}

func listInForce(v ledger.Version) web.ScreenList {
	return web.ScreenList{Name: v.List, Version: v.Num, Published: v.Published, Taken: v.Taken, By: v.Who, Entries: v.Shape.Entries, SHA256: v.SHA256}
}

func screenEntries(list []ledger.Match) (rows []web.ScreenEntry) {
	for _, m := range list[:min(len(list), web.MaxRows)] {
		rows = append(rows, screenEntry(m))
	}
	return rows
}

func screenEntry(m ledger.Match) web.ScreenEntry {
	e := web.ScreenEntry{
		Outcome: web.ScreenOutcome(m.Outcome), Score: m.Score, NameScore: m.NameScore, ID: m.ID, Name: m.Name, Kind: kindText(m.Kind),
		Matched: m.Matched, MatchedKind: string(m.MatchedKind), For: m.For, Against: m.Against, Needs: m.Needs, Program: m.Program,
		Births: m.Births, Nationalities: m.Nationalities, Remarks: m.Remarks, Updated: m.Updated, List: listOf(m.List),
	}
	for _, p := range m.Alignment {
		e.Parts = append(e.Parts, web.ScreenPart{Asked: p.Query, Entry: p.Entry, How: p.Transformation, Weight: p.Weight, Fit: p.Score})
	}
	for _, c := range m.Consequences {
		e.Consequences = append(e.Consequences, consequenceText(c.Measure, c.Detail))
	}
	if i := m.Influence; i != nil {
		e.Register = &web.ScreenRegister{Register: i.Register, Tier: i.Tier, Principal: i.Principal}
	}
	if c := m.Decision; c != nil {
		e.Decision = &web.ScreenDecision{Same: c.Same, Who: c.Who, Why: c.Why, When: c.At}
	}
	return e
}
