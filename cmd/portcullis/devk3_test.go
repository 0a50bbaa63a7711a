//go:build devk3

package main

import (
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/mail/records"
)

type k3Dump struct {
	Items []campaigns.Item
	Text, Structure [][]uint32
	Total int
	Freq  map[portcullis.Observable]int
	Like  map[portcullis.ID][]campaigns.Likeness
	Groups map[portcullis.ID][]string
	Findings map[portcullis.ID]string
}

func TestDevDump(t *testing.T) {
	ctx := context.Background()
	for _, f := range strings.Fields(os.Getenv("K3SEEDS")) {
		dir := "/tmp/k3/" + os.Getenv("K3PREFIX") + f
		func() {
			k, err := openCorrelator(ctx, &Globals{Config: dir + "/config.toml", Data: dir + "/data"}, "", true)
			if err != nil {
				t.Fatal(err)
			}
			defer k.app.close()
			found, err := records.NewReader(k.app.store.DB()).Findings(ctx, records.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			d := k3Dump{Freq: map[portcullis.Observable]int{}, Like: map[portcullis.ID][]campaigns.Likeness{}, Groups: map[portcullis.ID][]string{}, Findings: map[portcullis.ID]string{}}
			for _, x := range found {
				d.Findings[x.Message.ID] += fmt.Sprintf("%s:%v:%v ", x.Finding.Rule, x.Finding.Severity, x.Finding.Attention)
				if strings.Count(d.Findings[x.Message.ID], " ") > 1 {
					continue
				}
				item, ok, err := k.item(ctx, x.Message.ID)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					continue
				}
				d.Items = append(d.Items, item)
				d.Text, d.Structure = append(d.Text, item.Text), append(d.Structure, item.Structure)
				for _, p := range item.People {
					d.Groups[p] = k.GroupsOf(p)
				}
				d.Like[item.Event], _ = k.Like(ctx, item.Event, 400)
				for _, f := range item.Features {
					n, err := k.Frequency(ctx, []portcullis.Observable{f.Observable})
					if err != nil {
						t.Fatal(err)
					}
					d.Freq[f.Observable] = n[0]
				}
			}
			d.Total, _ = k.Total(ctx)
			w, _ := os.Create(dir + "/dump.gob")
			if err := gob.NewEncoder(w).Encode(d); err != nil {
				t.Fatal(err)
			}
			w.Close()
		}()
	}
}
