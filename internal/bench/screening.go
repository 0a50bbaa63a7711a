package bench

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
)

// screeningOf measures what matching decides: labelled pairs against a peer's scores,
// a published list searched by names that are on it and by names that are not, names
// in other scripts, and speed.
func screeningOf(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.data("screening")
	if err != nil {
		return err
	}
	s.condition("Thresholds are chosen on one half of the cases (or by tenfold cross-validation) and figures given of the other; intervals are 95 %% bootstrap intervals over cases. A hit that says \"possible\" counts as none.")
	if err := namePairs(s, dir); err != nil {
		return err
	}
	un, err := readList(ctx, lists.UN, filepath.Join(dir, "un_consolidated.xml"))
	if err != nil {
		return err
	}
	strangers, err := readStrangers(dir)
	if err != nil {
		return err
	}
	if err := listedNames(s, dir, un, strangers); err != nil {
		return err
	}
	otherScripts(s, un, strangers)
	uk, err := readList(ctx, lists.UK, filepath.Join(dir, "UK_Sanctions_List.csv"))
	if err != nil {
		return err
	}
	ukForms(s, uk)
	return b.screeningSpeed(ctx, s, dir, strangers)
}

func readList(ctx context.Context, format lists.Format, paths ...string) ([]screening.Entity, error) {
	var files []lists.File
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, fmt.Errorf("open a list: %w", err)
		}
		defer f.Close()
		files = append(files, lists.File{Name: filepath.Base(p), Content: f})
	}
	l, err := lists.Read(ctx, files, lists.Options{Format: format})
	if err != nil {
		return nil, fmt.Errorf("read list %s: %w", format, err)
	}
	return l.Entities, nil
}

// readTable reads a CSV file without its header.
func readTable(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open measuring data: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, fmt.Errorf("read %s: %d rows: %w", filepath.Base(path), len(rows), err)
	}
	return rows[1:], nil
}

// labelled is one pair with two engines' scores.
type labelled struct {
	same       bool
	ours, peer float64
}

// namePairs compares the F1 of pairs with the peer's on the same pairs.
func namePairs(s *Section, dir string) error {
	pairs, err := readPairs(dir)
	if err != nil {
		return err
	}
	ours := crossValidated(pairs, func(p labelled) float64 { return p.ours })
	peer := crossValidated(pairs, func(p labelled) float64 { return p.peer })
	gain := bootstrap(len(pairs), func(pick []int) float64 {
		return ours.f1(pick) - peer.f1(pick)
	})
	own := bootstrap(len(pairs), ours.f1)
	all := every(len(pairs))
	better := ours.f1(all) - peer.f1(all)
	s.claim("F1 on name pairs above the peer's, same pairs, thresholds by cross-validation", fmt.Sprintf("%+.3f (%s)", better, gain), "at least +0.030, interval above 0",
		better >= 0.03 && gain.low > 0)
	s.tell("F1 on name pairs", "%.3f (%s); peer %.3f; %d pairs; threshold %.2f", ours.f1(all), own, peer.f1(all), len(pairs), ours.threshold)
	return nil
}

// readPairs scores the labelled pairs of which the peer's score is known.
func readPairs(dir string) ([]labelled, error) {
	rows, err := readTable(filepath.Join(dir, "name-pairs.csv"))
	if err != nil {
		return nil, err
	}
	scored, err := readTable(filepath.Join(dir, "name-pairs-logicv2-scores.csv"))
	if err != nil {
		return nil, err
	}
	peer := map[[2]string]float64{}
	for _, r := range scored {
		peer[[2]string{r[0], r[1]}], _ = strconv.ParseFloat(r[2], 64)
	}
	var pairs []labelled
	for _, r := range rows {
		score, ok := peer[[2]string{r[2], r[3]}]
		if !ok {
			continue
		}
		pairs = append(pairs, labelled{r[4] == "true", screening.Compare(r[2], r[3], kindOfSchema(r[1])).Score, score})
	}
	return pairs, nil
}

func kindOfSchema(schema string) screening.Kind {
	switch schema {
	case "Person":
		return screening.KindPerson
	case "Vessel":
		return screening.KindVessel
	}
	return screening.KindOrganisation
}

// queried is one name that was searched for: the best score of the entry it means.
type queried struct {
	score   float64
	altered bool
}

// listedNames searches the UN list for names that are on it, some of them altered,
// and for people who are on none.
func listedNames(s *Section, dir string, un []screening.Entity, strangers []string) error {
	x := screening.NewIndex(un, screening.Options{})
	found, err := searchListed(x, filepath.Join(dir, "un-positives.tsv"))
	if err != nil {
		return err
	}
	wrong := bestScores(x, strangers)
	chosenOn, keptBack := halves(wrong)
	threshold := safeThreshold(chosenOn, falseHitsTarget)
	_, later := halves(found)
	altered := onlyAltered(later)
	f := reached(keptBack, threshold)
	s.tell("Threshold chosen on one half", "%.3f: the lowest whose false hits are at most 0.05 %% with 95 %% confidence; shipped %.3f", threshold, screening.MatchThreshold)
	s.claim("Recall of listed names, other half", fmt.Sprintf("%.3f (%s), %d names", recall(later, threshold), bootstrapRecall(later, threshold), len(later)), "at least 0.985", recall(later, threshold) >= 0.985)
	s.claim("Recall of altered names, other half", fmt.Sprintf("%.3f (%s), %d names", recall(altered, threshold), bootstrapRecall(altered, threshold), len(altered)), "at least 0.94", recall(altered, threshold) >= 0.94)
	s.claim("False hits on people who are on no list, other half", fmt.Sprintf("%.3f %% of %d", 100*f, len(keptBack)), "at most 0.05 %", f <= falseHitsTarget)
	at := screening.MatchThreshold
	s.tell("At the shipped threshold, both halves", "recall %.3f of %d, altered %.3f of %d, false hits %.3f %% of %d", recall(found, at), len(found),
		recall(onlyAltered(found), at), len(onlyAltered(found)), 100*reached(wrong, at), len(wrong))
	return nil
}

func searchListed(x *screening.Index, path string) ([]queried, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open measuring data: %w", err)
	}
	defer f.Close()
	var out []queried
	for lines := bufio.NewScanner(f); lines.Scan(); {
		cells := strings.Split(lines.Text(), "\t")
		if len(cells) < 3 {
			continue
		}
		hits := x.Search(screening.Query{Name: cells[0]}, 10)
		q := queried{altered: cells[0] != cells[1]}
		for _, id := range strings.Split(cells[2], ",") {
			q.score = max(q.score, scoreOf(hits, id))
		}
		out = append(out, q)
	}
	return out, nil
}

// scoreOf is the score of the entry id among hits, 0 where it is only possible.
func scoreOf(hits []screening.Hit, id string) float64 {
	for _, h := range hits {
		if h.Entity.ID == id && !h.Possible {
			return h.Score
		}
	}
	return 0
}

func readStrangers(dir string) ([]string, error) {
	rows, err := readTable(filepath.Join(dir, "negatives.csv"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rows {
		names = append(names, r[0])
	}
	return names, nil
}

// bestScores searches for each name and keeps the best hit's score.
func bestScores(x *screening.Index, names []string) []float64 {
	out := make([]float64, len(names))
	for i, n := range names {
		for _, h := range x.Search(screening.Query{Name: n}, 3) {
			if !h.Possible {
				out[i] = max(out[i], h.Score)
			}
		}
	}
	return out
}

func isLatin(r rune) bool { return unicode.Is(unicode.Latin, r) }

// otherScripts searches for the list's original-script names in an index without them.
func otherScripts(s *Section, un []screening.Entity, strangers []string) {
	x := screening.NewIndex(un, screening.Options{WithoutOriginalScript: true})
	var found []queried
	for i := range un {
		for _, n := range un[i].Names {
			if n.Kind == screening.NameOriginalScript && !strings.ContainsFunc(n.Text, isLatin) {
				found = append(found, queried{score: scoreOf(x.Search(screening.Query{Name: n.Text}, 10), un[i].ID)})
			}
		}
	}
	at := screening.MatchThreshold
	r, f := recall(found, at), reached(bestScores(x, strangers), at)
	s.claim("Original-script names find their entry, none of them in the index", fmt.Sprintf("%.1f %% (%s) of %d, at %.3f %% false", 100*r, bootstrapRecall(found, at), len(found), 100*f),
		"at least 75 % at no more than 0.2 % false", r >= 0.75 && f <= 0.002)
}
