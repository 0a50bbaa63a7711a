package api

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"portcullis.example/portcullis"
)

func TestHas(t *testing.T) {
	includes := map[Role][]Role{
		Reader: {Reader}, Analyst: {Analyst, Reader}, Approver: {Approver, Reader}, Admin: {Admin}, Member: {Member},
	}
	for have, want := range includes {
		for _, r := range Roles() {
			if got := (Caller{Roles: []Role{have}}).Has(r); got != slices.Contains(want, r) {
				t.Errorf("a caller who is %s has %s: %v", have, r, got)
			}
		}
	}
}

type inner struct {
	Count uint8     `json:"count"`
	At    time.Time `json:"at,omitzero"`
}

type sample struct {
	portcullis.Observable
	inner
	ID       portcullis.ID       `json:"id"`
	Severity portcullis.Severity `json:"severity"`
	Raw      json.RawMessage     `json:"raw,omitempty"`
	Next     *sample             `json:"next"`
	Many     []inner             `json:"many"`
	By       map[string]float64  `json:"by"`
	Bytes    []byte              `json:"bytes"`
	Hidden   string              `json:"-"`
	Quoted   int64               `json:"quoted,string"`
	Value    string              // wins over the embedded one? no: other name
	Any      any                 `json:"any"`
	Anon     struct{ X bool }    `json:"anon"`
}

func routes(handle http.HandlerFunc) []Route {
	return []Route{
		{Method: "GET", Path: "/things/{id}", Summary: "One thing.", Role: Reader, Result: sample{}, Handle: handle},
		{Method: "POST", Path: "/things", Summary: "Make one.", Role: Analyst, Body: sample{}, Result: sample{}, Handle: handle},
		{Method: "DELETE", Path: "/things/{id}", Summary: "Remove one.", Role: Approver, Handle: handle},
		{Method: "GET", Path: "/files/{path...}", Summary: "A file.", Query: []Param{{"since", "When.", true}}, Result: []sample{}, Handle: handle},
	}
}

// TestOpenAPIDescribesWhatIsSent checks that what encoding/json writes is valid against
// the schema made from its type.
func TestOpenAPIDescribesWhatIsSent(t *testing.T) {
	doc := OpenAPI("Things", "1", routes(nil))
	compiler := jsonschema.NewCompiler()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(doc)))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("mem:///doc.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("mem:///doc.json#/components/schemas/Sample")
	if err != nil {
		t.Fatal(err)
	}
	full := sample{ID: "thing:1", Raw: json.RawMessage(`{"a":1}`), Next: &sample{}, Many: []inner{{Count: 3, At: time.Now()}},
		By: map[string]float64{"x": 1.5}, Bytes: []byte("x"), Any: 3}
	for _, v := range []sample{{}, full} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s\n%v", raw, err)
		}
	}
	for _, bad := range []string{`{}`, `{"id":3}`} {
		value, _ := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if schema.Validate(value) == nil {
			t.Errorf("%s passes", bad)
		}
	}
}

func TestOpenAPIIsStable(t *testing.T) {
	list := routes(nil)
	a := OpenAPI("Things", "1", list)
	slices.Reverse(list)
	if b := OpenAPI("Things", "1", list); string(a) != string(b) {
		t.Error("the order of routes shows in the document")
	}
	for _, want := range []string{`"/files/{path}"`, `"operationId": "get_things_id"`, `"x-role": "approver"`, `"name": "since"`, `"204"`, `"openapi": "3.1.0"`} {
		if !strings.Contains(string(a), want) {
			t.Errorf("no %s in\n%s", want, a)
		}
	}
	if strings.Contains(string(a), "Hidden") {
		t.Error("what is not sent is described")
	}
}

func TestSchemaNamesDoNotClash(t *testing.T) {
	type Problem struct{ Other int }
	s := newSchemas()
	a, b := s.of(Problem{}), s.of(reflect.New(reflect.TypeFor[Caller]()).Elem().Interface())
	if a.Ref == b.Ref {
		t.Error("two types, one name")
	}
	s.typ(reflect.TypeFor[struct {
		P Problem
		Q map[string]*Problem
	}]())
	if got := s.of(portcullis.Finding{}); got.Ref == "" || len(s.named) < 4 {
		t.Errorf("got %v with %v", got, slices.Collect(maps.Keys(s.named)))
	}
}

func TestHandler(t *testing.T) {
	served := ""
	h := Handler(routes(func(w http.ResponseWriter, r *http.Request) {
		served = r.PathValue("id") + r.PathValue("path")
		WriteJSON(w, http.StatusOK, map[string]string{"id": served})
	}), func(c Caller, r Route) bool { return c.Name != "refused" })
	for _, c := range []struct {
		name, method, path string
		caller             Caller
		status             int
		served             string
	}{
		{"nobody", "GET", "/api/v1/things/7", Caller{}, 401, ""},
		{"nobody learns what there is not", "GET", "/api/v1/nothing", Caller{}, 401, ""},
		{"role missing", "GET", "/api/v1/things/7", Caller{Name: "a", Roles: []Role{Admin}}, 403, ""},
		{"reader", "GET", "/api/v1/things/7", Caller{Name: "a", Roles: []Role{Reader}}, 200, "7"},
		{"analyst reads", "GET", "/api/v1/things/7", Caller{Name: "a", Roles: []Role{Analyst}}, 200, "7"},
		{"analyst may not approve", "DELETE", "/api/v1/things/7", Caller{Name: "a", Roles: []Role{Analyst}}, 403, ""},
		{"anybody signed in", "GET", "/api/v1/files/a/b", Caller{Name: "a"}, 200, "a/b"},
		{"allow is asked", "GET", "/api/v1/files/a/b", Caller{Name: "refused"}, 403, ""},
		{"not there", "GET", "/api/v1/nothing", Caller{Name: "a"}, 404, ""},
		{"wrong method", "PATCH", "/api/v1/things", Caller{Name: "a"}, 405, ""},
	} {
		served = ""
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.caller.Name != "" {
			r = r.WithContext(WithCaller(r.Context(), c.caller))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || served != c.served {
			t.Errorf("%s: got %d and served %q, want %d and %q", c.name, w.Code, served, c.status, c.served)
		}
		if c.status >= 400 {
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != c.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: not a problem: %s (%v)", c.name, w.Body, err)
			}
		}
	}
}

func TestReadJSON(t *testing.T) {
	type order struct {
		Name string `json:"name"`
		N    []int  `json:"n"`
	}
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, c := range []struct {
		body, mediaType string
		status          int
	}{
		{`{"name":"x","n":[1]}`, "application/json", 0},
		{`{"name":"x"}`, "application/json; charset=utf-8", 0},
		{`{"name":"x"}`, "text/plain", 415},
		{`{"name":"x"}`, "", 415},
		{`{"nome":"x"}`, "application/json", 400},
		{`{"name":"x","name":"y"}`, "application/json", 400},
		{`{"name":"x","NAME":"y"}`, "application/json", 400},
		{`{"name":"x"} {}`, "application/json", 400},
		{`{"name":"x"`, "application/json", 400},
		{`{"name"`, "application/json", 400},
		{``, "application/json", 400},
		{`{"n":` + deep + `}`, "application/json", 400},
		{`{"name":3}`, "application/json", 400},
		{"{\"name\":\"\xff\"}", "application/json", 400},
		{`{"name":"` + strings.Repeat("x", 300) + `"}`, "application/json", 413},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.mediaType)
		var got order
		err := ReadJSON(httptest.NewRecorder(), r, &got, 256)
		p, _ := errors.AsType[Problem](err)
		if p.Status != c.status {
			t.Errorf("%.40s as %q: got %v, want status %d", c.body, c.mediaType, err, c.status)
		}
	}
}

func TestWriteErrorTellsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	WriteError(w, errors.New("dial tcp 192.0.2.1: password wrong"))
	if w.Code != 500 || strings.Contains(w.Body.String(), "192.0.2.1") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	WriteError(w, errors.Join(errors.New("inside"), Problemf(http.StatusConflict, "Somebody was faster.")))
	if w.Code != 409 || strings.Contains(w.Body.String(), "inside") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	WriteJSON(w, 200, func() {})
	if w.Code != 500 || !json.Valid(w.Body.Bytes()) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"id":"x","many":[{"count":1}]}`))
	f.Add([]byte(`[[[`))
	f.Add([]byte(`{"a":1,"A":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v any
		if err := Unmarshal(raw, &v); err == nil && !json.Valid(raw) {
			t.Errorf("%q is taken and is not JSON", raw)
		}
	})
}
