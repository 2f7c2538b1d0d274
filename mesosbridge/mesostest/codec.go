package mesostest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

const (
	mediaJSON     = string(codecs.MediaTypeJSON)
	mediaProtobuf = string(codecs.MediaTypeProtobuf)
)

type encodeFunc func(*scheduler.Event) ([]byte, error)

// decodeCall reads a call of any of the APIs by its Content-Type; types are the
// names of its types; the errors are the master's words
// (http-errors, and scheduler() in master/http.cpp).
func decodeCall[C any, P interface {
	*C
	Unmarshal([]byte) error
}](types map[string]int32, contentType string, body []byte) (P, *httpError) {
	call := P(new(C))
	switch contentType {
	case "":
		return nil, badRequest("Expecting 'Content-Type' to be present")
	case mediaProtobuf:
		if err := call.Unmarshal(body); err != nil {
			return nil, badRequest("Failed to parse body into Call protobuf")
		}
		return call, nil
	case mediaJSON:
		known, refused := peekType(body, types)
		if refused != nil || !known {
			return call, refused
		}
		if err := json.Unmarshal(body, call); err != nil {
			return nil, badRequest("Failed to convert JSON into Call protobuf: " + err.Error())
		}
		return call, nil
	}
	return nil, &httpError{http.StatusUnsupportedMediaType,
		"Expecting 'Content-Type' of " + mediaJSON + " or " + mediaProtobuf}
}

// peekType looks at the type of a call. mesos-go refuses a name of an enum that
// it does not know. Protobuf reads it as no value, which is what the master
// complains of (http-errors).
func peekType(body []byte, types map[string]int32) (known bool, refused *httpError) {
	var peek struct {
		Type string `json:"type"`
	}
	if !json.Valid(body) {
		line, _, _ := strings.Cut(string(body), "\n")
		return false, badRequest("Failed to parse body into JSON: syntax error at line 1 near: " + line)
	}
	if err := json.Unmarshal(body, &peek); err != nil {
		return false, badRequest("Failed to convert JSON into Call protobuf: " + err.Error())
	}
	_, known = types[peek.Type]
	return known, nil
}

// acceptedEncoding chooses as the master does: JSON when the client takes it.
func acceptedEncoding(accept string) (media string, encode encodeFunc) {
	if accepts(accept, mediaJSON) {
		return mediaJSON, encodeJSON
	}
	if accepts(accept, mediaProtobuf) {
		return mediaProtobuf, func(e *scheduler.Event) ([]byte, error) { return e.Marshal() }
	}
	return "", nil
}

func accepts(header, media string) bool {
	if header == "" {
		return true
	}
	for item := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(item, ";")
		name = strings.TrimSpace(name)
		if strings.ReplaceAll(parameters, " ", "") == "q=0" {
			continue
		}
		if name == media || name == "*/*" || name == "application/*" {
			return true
		}
	}
	return false
}

// encodeJSON writes an event as the master does: mesos-go writes empty lists and
// nulls, which the master leaves out, and has no name for one capability.
func encodeJSON(e *scheduler.Event) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding %v: %w", e.Type, err)
	}
	tree, err := masterJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("encoding %v: %w", e.Type, err)
	}
	return json.Marshal(tree)
}

// masterJSON turns what mesos-go writes into what the master writes.
func masterJSON(raw []byte) (tree map[string]any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil && err != io.EOF {
		return nil, err
	}
	prune(tree)
	return tree, nil
}

func prune(node map[string]any) {
	for name, value := range node {
		switch v := value.(type) {
		case nil:
			delete(node, name)
		case map[string]any:
			prune(v)
		case []any:
			if len(v) == 0 {
				delete(node, name)
			}
			for _, item := range v {
				if m, ok := item.(map[string]any); ok {
					prune(m)
				}
			}
		case string:
			if name == "type" && v == strconv.Itoa(int(capabilityQuotaV2)) {
				node[name] = "QUOTA_V2"
			}
		}
	}
}
