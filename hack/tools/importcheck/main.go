// Importcheck fails when a package of the operator imports what the
// architecture forbids it: something above it, a client where there must be
// none, Kubernetes where only Mesos is known. Test files may import anything.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: importcheck FOLDER-OF-THE-MODULE")
		os.Exit(2)
	}
	problems, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "importcheck:", err)
		os.Exit(2)
	}
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir        string
	ImportPath string
	Module     *struct{ Path string }
	GoFiles    []string
	Imports    []string
	Deps       []string
}

func check(dir string) ([]string, error) {
	out, err := output(dir, "go", "list", "-json=Dir,ImportPath,Module,GoFiles,Imports,Deps", "./...")
	if err != nil {
		return nil, err
	}
	var problems []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		found, err := checkPackage(rules(), p)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	out, err = output(dir, "go", "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("read what go mod edit says: %w", err)
	}
	for _, required := range mod.Require {
		for _, never := range notRequired() {
			if within(required.Path, never) {
				problems = append(problems, fmt.Sprintf("go.mod requires %s, which belongs into the tools' go.mod", required.Path))
			}
		}
	}
	return problems, nil
}

func checkPackage(all []rule, p goPackage) ([]string, error) {
	if len(p.GoFiles) == 0 {
		return nil, nil // tests only
	}
	path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, p.Module.Path), "/")
	if path == "" {
		path = "."
	}
	r, ok := ruleOf(all, path)
	if !ok {
		return []string{fmt.Sprintf("%s has no place in the architecture: give it a rule", path)}, nil
	}
	var problems []string
	for _, imported := range p.Imports {
		own, isOwn := strings.CutPrefix(imported, p.Module.Path+"/")
		switch {
		case isOwn:
			target, known := ruleOf(all, own)
			if !known || (target.part != r.part && !slices.Contains(r.allowed, target.part)) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which it may not know", path, own))
			}
		case slices.ContainsFunc(r.direct, func(never string) bool { return imported == never }):
			problems = append(problems, fmt.Sprintf("%s imports %s, which it may not know", path, imported))
		}
	}
	for _, reached := range p.Deps {
		if slices.ContainsFunc(r.never, func(never string) bool { return within(reached, never) }) {
			problems = append(problems, fmt.Sprintf("%s reaches %s, which it may not know", path, reached))
		}
	}
	if !r.pure {
		return problems, nil
	}
	for _, file := range p.GoFiles {
		impure, err := impurities(filepath.Join(p.Dir, file))
		if err != nil {
			return nil, err
		}
		problems = append(problems, impure...)
	}
	return problems, nil
}

// impurities finds goroutines that are started and clocks that are read.
func impurities(file string) ([]string, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	var problems []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.GoStmt:
			problems = append(problems, fmt.Sprintf("%s: starts a goroutine", files.Position(n.Pos())))
		case *ast.SelectorExpr:
			if name, ok := n.X.(*ast.Ident); ok && name.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
				problems = append(problems, fmt.Sprintf("%s: reads the clock (time.%s)", files.Position(n.Pos()), n.Sel.Name))
			}
		}
		return true
	})
	return problems, nil
}

func output(dir, program string, arguments ...string) ([]byte, error) {
	command := exec.Command(program, arguments...)
	command.Dir = dir
	var out, message bytes.Buffer
	command.Stdout, command.Stderr = &out, &message
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", program, strings.Join(arguments, " "), err, message.String())
	}
	return out.Bytes(), nil
}
