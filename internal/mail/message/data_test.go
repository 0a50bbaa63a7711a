package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// mails reads the messages of a folder of the test data.
func mails(t testing.TB, folder string) (raws [][]byte, names []string) {
	t.Helper()
	err := filepath.WalkDir(testenv.Data(t, "mail", folder), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".eml") {
			return err
		}
		raw, err := os.ReadFile(path)
		raws, names = append(raws, raw), append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return raws, names
}

// TestData reads all mail of the test data: every offset must lie within the
// message and lead back, and on messages that nothing is wrong with, enmime must
// see the same leaves.
func TestData(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for _, folder := range []string{"phishing", "ham", "ham-2007", "newsletter-pairs"} {
		t.Run(folder, func(t *testing.T) {
			raws, names := mails(t, folder)
			clean, agreed := 0, 0
			for i, raw := range raws {
				m := Parse(raw, DefaultLimits())
				checkMessage(t, m)
				if m.Digest() == "" || len(m.Header) == 0 {
					t.Errorf("%s: no header", filepath.Base(names[i]))
				}
				if m.Suspicious() {
					continue
				}
				clean++
				theirs, err := guarded(enmimeView, raw)
				if err == nil && len(theirs.types) == len(ownView(m).types) {
					agreed++
				} else {
					t.Logf("%s: enmime: %d parts, here %d, %v", filepath.Base(names[i]), len(theirs.types), len(ownView(m).types), err)
				}
			}
			t.Logf("%d messages, %d clean, enmime agrees on the leaves of %d", len(raws), clean, agreed)
			if agreed*100 < clean*98 {
				t.Errorf("enmime agrees on %d of %d", agreed, clean)
			}
		})
	}
}
