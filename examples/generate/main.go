// Command generate writes the examples: people.toml, indicators.txt, the
// mailboxes and the exercise of the Parliament of Verania, which does not exist. It is
// deterministic: run again, it writes the same bytes.
//
//	go run ./examples/generate
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/synth"
)

func main() {
	dir := flag.String("dir", "examples", "folder to write to")
	flag.Parse()
	if err := write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write replaces the generated files below dir.
func write(dir string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for _, old := range []string{"mailboxes", "exercise/mail", "exercise/feeds"} {
		if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
			return fmt.Errorf("remove the old files: %w", err)
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// indicators are what a partner might send: one a line, defanged or not.
const indicators = `# What a partner told the Parliament of Verania. One indicator a line;
# "portcullis hunt --indicators examples/indicators.txt" says who received any of them.
news-tracker.example
lantern-courier-world[.]example
hxxps://login.parliament-verania[.]example/owa/auth?u=Y2xhaXJlLmR1Ym9pcw
parliarnent.example
printhouse-north.test
# Never seen in these mailboxes:
quiet-harbour.test
203.0.113.250
`

// generate makes all files, by their path below the examples folder.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{
		"people.toml":    []byte(synth.ExamplePeopleTOML()),
		"indicators.txt": []byte(indicators),
	}
	byBox := map[string][]synth.Mail{}
	for _, m := range synth.Example() {
		byBox[m.Mailbox] = append(byBox[m.Mailbox], m)
	}
	for box, mails := range byBox {
		stored, err := store(box, mails)
		if err != nil {
			return nil, fmt.Errorf("write the mailbox of %s: %w", box, err)
		}
		for name, content := range stored {
			files["mailboxes/"+name] = content
		}
	}
	return files, exercise(files)
}

// store keeps each mailbox in a form that mail is really found in.
func store(box string, mails []synth.Mail) (map[string][]byte, error) {
	switch box {
	case "anna.keller":
		return maildir(box, mails), nil
	case "thomas.wright":
		return mbox(box+".mbox", mails, false)
	case "olena.kovalchuk":
		return mbox(box+".mbox.gz", mails, true)
	case "lihua.wang":
		return zipped(box+".zip", mails)
	}
	out := map[string][]byte{}
	for _, m := range mails {
		out[m.Path] = m.Raw
	}
	return out, nil
}

// maildir numbers its messages. Names have no ":2," flags, which some file
// systems refuse, and there is no tmp, which is empty and git would lose.
func maildir(box string, mails []synth.Mail) map[string][]byte {
	out := map[string][]byte{}
	for i, m := range mails {
		folder := "cur"
		if i >= len(mails)-3 { // the newest are unread
			folder = "new"
		}
		name := fmt.Sprintf("%s/%s/%d.M%06dP%d.mx.parliament.example", box, folder, m.Time.Unix(), i*271%1000000, 2000+i)
		out[name] = bytes.ReplaceAll(m.Raw, []byte("\r\n"), []byte("\n"))
	}
	return out
}

// mbox packs without compression, since a compressor's output may change with
// the Go release.
func mbox(name string, mails []synth.Mail, packed bool) (map[string][]byte, error) {
	var b bytes.Buffer
	if err := synth.WriteMbox(&b, mails); err != nil {
		return nil, err
	}
	if !packed {
		return map[string][]byte{name: b.Bytes()}, nil
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.NoCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return map[string][]byte{name: z.Bytes()}, nil
}

func zipped(name string, mails []synth.Mail) (map[string][]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	sorted := slices.Clone(mails)
	slices.SortFunc(sorted, func(a, b synth.Mail) int { return strings.Compare(a.Path, b.Path) })
	for _, m := range sorted {
		f, err := w.CreateHeader(&zip.FileHeader{Name: filepath.Base(m.Path), Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(m.Raw); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return map[string][]byte{name: b.Bytes()}, nil
}
