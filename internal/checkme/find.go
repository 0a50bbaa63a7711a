package checkme

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Candidate is a file or folder that the person may mean.
type Candidate struct {
	Path, Name, About string
	size              int64
	at                time.Time
}

const (
	maxVisited    = 20_000 // files that are looked at, so that the page opens at once
	maxCandidates = 25
	maxDeep       = 5 // folders below a place
)

// places are where mail programs and browsers put mail, below the home folder.
var places = []string{
	"Downloads", "Desktop", "Documents",
	"AppData/Local/Microsoft/Outlook", "AppData/Roaming/Thunderbird/Profiles",
	"Library/Thunderbird/Profiles", "Library/Mail", "Library/Group Containers/UBF8T346G9.Office/Outlook",
	".thunderbird", "snap/thunderbird/common/.thunderbird", "Maildir", "Mail", "mail",
}

// appleMail is the folder of all mail in Apple's program, by the version of its form.
var appleMail = regexp.MustCompile(`^V\d{1,3}$`)

// Find looks where exports usually lie. It reads names only.
func Find(home string) (mailboxes, packs []Candidate) {
	left := maxVisited
	var seen []fs.FileInfo
	for _, place := range places {
		root := filepath.Join(home, filepath.FromSlash(place))
		info, err := os.Stat(root)
		if err != nil || slices.ContainsFunc(seen, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
			continue // "Mail" and "mail" are one where case does not count
		}
		seen = append(seen, info)
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if left--; left < 0 {
				return filepath.SkipAll
			}
			if err != nil {
				return skip(e)
			}
			c := Candidate{Path: path, Name: e.Name()}
			if e.IsDir() {
				return folder(home, root, c, &mailboxes)
			}
			info, err := e.Info()
			if err != nil || info.Size() == 0 || !info.Mode().IsRegular() {
				return nil
			}
			c.size, c.at = info.Size(), info.ModTime()
			switch {
			case strings.HasSuffix(strings.ToLower(c.Name), ".pack"):
				packs = append(packs, c.described(home))
			case isExport(c.Name):
				mailboxes = append(mailboxes, c.described(home))
			}
			return nil
		})
	}
	return newest(mailboxes), newest(packs)
}

func skip(e fs.DirEntry) error {
	if e != nil && e.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

// folder takes what is a mailbox as a whole and leaves what is too deep.
func folder(home, root string, c Candidate, list *[]Candidate) error {
	rel, _ := filepath.Rel(root, c.Path)
	name := strings.ToLower(c.Name)
	has := func(sub string) bool { _, err := os.Stat(filepath.Join(c.Path, sub)); return err == nil }
	isMailbox := has("cur") // a Maildir
	switch {
	case has("prefs.js"): // a profile, whose own name is of letters and digits at random
		c.Name, isMailbox = "Thunderbird", true
	case appleMail.MatchString(filepath.ToSlash(rel)) && filepath.Base(root) == "Mail":
		c.Name, isMailbox = "Apple Mail", true
	}
	if isMailbox || strings.HasSuffix(name, ".mbox") {
		if info, err := os.Stat(c.Path); err == nil {
			c.at = info.ModTime()
		}
		*list = append(*list, c.described(home))
		return filepath.SkipDir
	}
	if strings.Count(filepath.ToSlash(rel), "/") >= maxDeep || rel != "." && strings.HasPrefix(name, ".") && name != ".thunderbird" {
		return filepath.SkipDir
	}
	return nil
}

func isExport(name string) bool {
	name = strings.ToLower(name)
	for _, ending := range []string{".pst", ".ost", ".mbox", ".mbx"} {
		if strings.HasSuffix(name, ending) || strings.HasSuffix(name, ending+".gz") || strings.HasSuffix(name, ending+".zip") {
			return true
		}
	}
	packed := strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz")
	return packed && (strings.Contains(name, "takeout") || strings.Contains(name, "mail") || strings.Contains(name, "export"))
}

func (c Candidate) described(home string) Candidate {
	where := filepath.Dir(c.Path)
	if rel, err := filepath.Rel(home, where); err == nil {
		where = rel
	}
	c.About = "in " + where
	if c.size > 0 {
		c.About += ", " + sizeText(c.size)
	}
	if !c.at.IsZero() {
		c.About += ", of " + c.at.Format("2 January 2006")
	}
	return c
}

func sizeText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d kB", (n+999)/1000)
}

// newest are the latest, the first of which is most likely meant.
func newest(list []Candidate) []Candidate {
	slices.SortStableFunc(list, func(a, b Candidate) int { return b.at.Compare(a.at) })
	return list[:min(len(list), maxCandidates)]
}
