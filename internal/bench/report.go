package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// Report is everything that was measured and under which conditions.
type Report struct {
	Schema    int        `json:"schema"`
	Date      time.Time  `json:"date"`
	Version   string     `json:"version"`
	Commit    string     `json:"commit,omitempty"`
	Go        string     `json:"go"`
	System    string     `json:"system"`
	Processor string     `json:"processor,omitempty"`
	Cores     int        `json:"cores"`
	Memory    string     `json:"memory,omitempty"`
	Quick     bool       `json:"quick"`
	Sections  []*Section `json:"sections"`
}

// Section is one part's figures.
type Section struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Conditions []string `json:"conditions,omitempty"`
	Figures    []Figure `json:"figures"`
	Details    []string `json:"details,omitempty"` // what a figure rests on, line by line
	Missing    string   `json:"missing,omitempty"` // why nothing was measured
	Failed     string   `json:"failed,omitempty"`
	Seconds    float64  `json:"seconds"`
}

// Figure is one measured value. Target is "" where none was set; then Met is nil.
type Figure struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Target string `json:"target,omitempty"`
	Met    *bool  `json:"met,omitempty"`
}

func (s *Section) condition(format string, args ...any) {
	s.Conditions = append(s.Conditions, fmt.Sprintf(format, args...))
}

func (s *Section) detail(format string, args ...any) {
	s.Details = append(s.Details, fmt.Sprintf(format, args...))
}

// tell adds a figure without a target.
func (s *Section) tell(name, format string, args ...any) {
	s.Figures = append(s.Figures, Figure{Name: name, Value: fmt.Sprintf(format, args...)})
}

// claim adds a figure that has a target.
func (s *Section) claim(name, value, target string, met bool) {
	s.Figures = append(s.Figures, Figure{Name: name, Value: value, Target: target, Met: &met})
}

func newReport(cfg Config) *Report {
	return &Report{
		Schema: 1, Date: time.Now().UTC().Truncate(time.Second), Version: cfg.Version, Commit: cfg.Commit,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
		Processor: fromProc("/proc/cpuinfo", "model name"), Memory: fromProc("/proc/meminfo", "MemTotal"), Quick: cfg.Quick,
	}
}

// fromProc reads "name: value" where the system has such a file.
func fromProc(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Missed counts the figures that do not reach their target, and the parts that failed.
func (r *Report) Missed() (n int) {
	for _, s := range r.Sections {
		if s.Failed != "" {
			n++
		}
		for _, f := range s.Figures {
			if f.Met != nil && !*f.Met {
				n++
			}
		}
	}
	return n
}

// JSON writes the report for machines.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// Text writes the report for people, in Markdown that reads well as it is.
func (r *Report) Text(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "Measured %s with portcullis %s", r.Date.Format(time.RFC3339), r.Version)
	if r.Commit != "" {
		fmt.Fprintf(out, " (%s)", r.Commit)
	}
	fmt.Fprintf(out, ", %s, %s, %d cores", r.Go, r.System, r.Cores)
	for _, s := range []string{r.Processor, r.Memory} {
		if s != "" {
			fmt.Fprintf(out, ", %s", s)
		}
	}
	fmt.Fprintln(out, ".")
	if r.Quick {
		fmt.Fprintln(out, "Quick run: fewer seeds, smaller stores, fewer runs. These figures are rough.")
	}
	for _, s := range r.Sections {
		s.text(out)
	}
	fmt.Fprintf(out, "\n%d figures short of their target.\n", r.Missed())
	return out.Flush()
}

func (s *Section) text(out io.Writer) {
	fmt.Fprintf(out, "\n## %s\n\n", s.Title)
	for _, c := range s.Conditions {
		fmt.Fprintf(out, "%s\n", c)
	}
	if len(s.Conditions) > 0 {
		fmt.Fprintln(out)
	}
	if s.Missing != "" {
		fmt.Fprintf(out, "%s\n", s.Missing)
	}
	if s.Failed != "" {
		fmt.Fprintf(out, "FAILED: %s\n", s.Failed)
	}
	s.table(out)
	if len(s.Details) > 0 {
		fmt.Fprintln(out)
		for _, d := range s.Details {
			fmt.Fprintf(out, "- %s\n", d)
		}
	}
}

// table writes the figures as a Markdown table with aligned columns.
func (s *Section) table(out io.Writer) {
	if len(s.Figures) == 0 {
		return
	}
	rows := [][4]string{{"Figure", "Measured", "Target", ""}}
	for _, f := range s.Figures {
		outcome := ""
		if f.Met != nil {
			outcome = "MISSED"
			if *f.Met {
				outcome = "met"
			}
		}
		rows = append(rows, [4]string{f.Name, f.Value, f.Target, outcome})
	}
	var width [4]int
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		writeRow(out, row, width, " ")
		if n == 0 {
			writeRow(out, [4]string{}, width, "-")
		}
	}
}

func writeRow(out io.Writer, row [4]string, width [4]int, fill string) {
	fmt.Fprint(out, "|")
	for i, cell := range row {
		pad := strings.Repeat(fill, width[i]-utf8.RuneCountInString(cell))
		fmt.Fprintf(out, "%s%s%s%s|", fill, cell, pad, fill)
	}
	fmt.Fprintln(out)
}

// percent writes a share with one decimal.
func percent(part, whole int) string {
	if whole == 0 {
		return "none to find"
	}
	return fmt.Sprintf("%.1f %% (%d of %d)", 100*float64(part)/float64(whole), part, whole)
}

// reaches tells whether part of whole is at least want percent.
func reaches(part, whole int, want float64) bool {
	return whole > 0 && float64(part)*100 >= want*float64(whole)
}
