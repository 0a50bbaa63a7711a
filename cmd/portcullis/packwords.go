package main

import (
	"context"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/response"
)

// gather makes what a notice tells one person of these events, with what the issuers of sealed packs wrote
// for whoever has them.
func (d *deskService) gather(ctx context.Context, person, campaign portcullis.ID, events []portcullis.ID) (response.Reach, error) {
	reach, err := gatherReach(ctx, d.mailRecords(), d.dir, person, campaign, events, d.now())
	if err != nil || len(reach.Events) == 0 {
		return reach, err
	}
	return reach, d.app.addWords(ctx, reach.Events)
}

// addWords adds to each mail what issuers wrote for its finder: they could not say it to the house, which
// had nothing to show, and did seal it for this one. A mail that went to somebody else in the person's name is
// not theirs, and gets none.
func (a *app) addWords(ctx context.Context, events []response.Received) error {
	words, err := a.packWords(ctx)
	if err != nil {
		return err
	}
	at := map[portcullis.ID]int{}
	for i, e := range events {
		if !slices.Equal(e.Forms, []response.Form{response.NameUsed}) {
			at[e.Event] = i
		}
	}
	for _, w := range words {
		list, err := archive.NewReader(a.store.DB()).Sightings(ctx, w.indicator)
		if err != nil {
			return err
		}
		for _, s := range list {
			if i, ok := at[s.Event]; ok && !slices.Contains(events[i].Said, w.text) {
				events[i].Said = append(events[i].Said, w.text)
			}
		}
	}
	return nil
}

// packWord is a text that became readable, and the indicator that it is about.
type packWord struct {
	indicator portcullis.ID
	text      string
}

// packWords are the texts of everything that was found with sealed packs and taken, of packs that have expired too: what
// was said stays said.
func (a *app) packWords(ctx context.Context) (list []packWord, err error) {
	reader := sealed.NewReader(a.store.DB())
	kept, err := reader.Kept(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range kept {
		found, err := reader.Matches(ctx, one.ID)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(f sealed.Found) bool { return f.State != sealed.Taken || f.Text == "" })
		if len(found) == 0 {
			continue
		}
		h, _, err := sealed.Describe(strings.NewReader(string(one.Raw))) // it was verified when it was taken
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			list = append(list, packWord{f.Indicator(&sealed.Pack{Header: h}).ID(), f.Text})
		}
	}
	return list, nil
}
