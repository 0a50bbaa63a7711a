package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"portcullis.example/portcullis/internal/synth"
)

// replay scans mail of all kinds twice into one store and compares the verdicts
// byte for byte; then it lets every stored revision be judged again from its facts.
func replay(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.folder("replay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mails := filepath.Join(dir, "mail")
	h, err := b.mixture(mails)
	if err != nil {
		return err
	}
	n, err := countFiles(mails)
	if err != nil {
		return err
	}
	people, err := b.write("house.toml", h.PeopleTOML())
	if err != nil {
		return err
	}
	config, err := b.write("config.toml", trusting(h))
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	var verdicts [2][]byte
	for i := range verdicts {
		file := filepath.Join(dir, fmt.Sprintf("verdicts-%d.ndjson", i))
		o, err := b.run(ctx, "scan", "--quiet", "--keep", "all", "--config", config, "--data", data, "--people", people, "--verdicts", file, mails)
		if err != nil {
			return err
		}
		if verdicts[i], err = os.ReadFile(file); err != nil {
			return fmt.Errorf("scan ended with status %d: %w: %s", o.code, err, tail(o.err))
		}
	}
	lines := bytes.Count(verdicts[0], []byte("\n"))
	same := bytes.Equal(verdicts[0], verdicts[1]) && lines == n
	s.condition("%d mails: attacks of all kinds, everyday mail, letters, and the newsletters and phishing of the data set where there is one.", n)
	s.claim("Rescan of the same store", fmt.Sprintf("%d lines, %s", lines, map[bool]string{true: "identical", false: "DIFFERENT"}[same]), "identical bytes", same)
	return b.replayStored(ctx, s, data)
}

var replayed = regexp.MustCompile(`([\d,]+) revisions? replayed, ([\d,]+) differ`)

func (b *bench) replayStored(ctx context.Context, s *Section, data string) error {
	o, err := b.run(ctx, "replay", "--data", data)
	if err != nil {
		return err
	}
	counts := replayed.FindSubmatch(o.out)
	if counts == nil {
		return fmt.Errorf("replay ended with status %d: %s %s", o.code, tail(o.out), tail(o.err))
	}
	s.claim("Revisions replayed from stored facts", fmt.Sprintf("%s, %s differ", counts[1], counts[2]), "0 differ", string(counts[2]) == "0" && string(counts[1]) != "0")
	return nil
}

// mixture writes mail of every kind into one folder.
func (b *bench) mixture(dir string) (*synth.House, error) {
	seed := reportingSeeds[0]
	h := synth.NewHouse(seed, housePeople)
	all := slices.Concat(synth.Everyday(seed, h, b.full(600, 100)), synth.Letters(seed, h, 30))
	for _, k := range kinds() {
		all = append(all, k.make(seed, h, max(1, k.n/3))...)
	}
	if err := synth.WriteTree(dir, distinctPaths(all)); err != nil {
		return nil, err
	}
	var missing missingError
	for _, name := range []string{"newsletter-pairs", "phishing"} {
		from, err := b.data("mail", name)
		if errors.As(err, &missing) {
			continue
		}
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("copy %s: %w", from, err)
		}
	}
	return h, nil
}
