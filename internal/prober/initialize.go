package prober

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quobyte/mesos-operator/internal/probe"
)

// outcome of an order; what the device looks like after it, when it succeeded.
type outcome struct {
	probe.Initialization
	sight sight
}

// carryOut carries out orders, and brings the sights up to date.
func (p *Prober) carryOut(ctx context.Context, orders []probe.Order, sights []sight) {
	if len(orders) > probe.MaxOrders {
		p.cfg.Log.Error("too many orders in one request, the rest is left", "orders", len(orders), "most", probe.MaxOrders)
		orders = orders[:probe.MaxOrders]
	}
	for i := range orders {
		o := &orders[i]
		done, err := p.initialize(ctx, o, sights)
		if err != nil {
			// Nobody knows whether it will be done. The marker will tell: the
			// order comes again, and is not carried out twice.
			p.cfg.Log.Error("an order has no outcome yet", "order", o.ID, "path", o.Path, "error", err)
			continue
		}
		p.remember(done.Initialization)
		if done.Refused != "" {
			p.cfg.Log.Warn("an order is refused", "order", o.ID, "reason", done.Refused)
			continue
		}
		p.cfg.Log.Info("an order is carried out", "order", o.ID, "path", o.Path, "serial", done.Serial)
		for j := range sights {
			if sights[j].Number == done.sight.Number && sights[j].Path == done.sight.Path {
				sights[j] = done.sight
			}
		}
	}
}

// remember keeps the last outcome of each of the last orders.
func (p *Prober) remember(o probe.Initialization) {
	p.outcomes = slices.DeleteFunc(p.outcomes, func(old probe.Initialization) bool { return old.ID == o.ID })
	p.outcomes = append(p.outcomes, o)
	p.outcomes = p.outcomes[max(0, len(p.outcomes)-probe.MaxOrders):]
}

// initialize carries out one order. An error says that it has no outcome yet.
func (p *Prober) initialize(ctx context.Context, o *probe.Order, sights []sight) (outcome, error) {
	refuse := func(err error) (outcome, error) {
		return outcome{Initialization: probe.Initialization{ID: o.ID, Refused: err.Error()}}, nil
	}
	if err := p.checkForm(o); err != nil {
		return refuse(err)
	}
	// Carried out before, and perhaps mounted elsewhere since.
	for _, s := range sights {
		if s.Marked && s.order == o.ID {
			return outcome{probe.Initialization{ID: o.ID, Serial: s.Serial}, s}, nil
		}
	}
	// Carried out before, on a disk that is gone: another one at its place is not the
	// one that was meant.
	for _, before := range p.outcomes {
		if before.ID == o.ID && before.Serial != "" {
			before.Refused = fmt.Sprintf("%s: the order was carried out before, on the disk of serial %s, which is not mounted now: for another disk create another object", o.Path, before.Serial)
			return outcome{Initialization: before}, nil
		}
	}
	// The table is read anew: it may have changed while mounts were looked at.
	mounts, err := p.mounts()
	if err != nil {
		return outcome{}, err
	}
	m, err := p.checkMount(o, mounts)
	if err != nil {
		return refuse(err)
	}
	taken := map[string]bool{}
	for _, s := range sights {
		if s.Path != m.path {
			taken[s.Serial] = true
		}
	}
	type result struct {
		outcome
		err error
	}
	r, err := inTime(ctx, &p.workers, place(m), func() result {
		done, err := p.mark(m, o, taken)
		return result{done, err}
	})
	if err != nil {
		return outcome{}, err
	}
	if r.err != nil && !errors.Is(r.err, errUnsettled) {
		return refuse(r.err)
	}
	return r.outcome, r.err
}

// checkForm looks at an order alone.
func (p *Prober) checkForm(o *probe.Order) error {
	if err := checkOrder(o.ID); err != nil {
		return fmt.Errorf("%q: %w", o.Path, err)
	}
	if !filepath.IsAbs(o.Path) || filepath.Clean(o.Path) != o.Path || !below(o.Path, p.cfg.Directory) {
		return fmt.Errorf("%q is no path below the host device directory: want one such as %s", o.Path, filepath.Join(p.cfg.Directory, "disk1"))
	}
	if len(o.Types) == 0 {
		return fmt.Errorf("%s: the order names no types: want some of REGISTRY, METADATA and DATA", o.Path)
	}
	for _, t := range o.Types {
		if !slices.ContainsFunc(deviceTypes[:], func(known struct{ name, inMarker, directory string }) bool { return known.name == t }) {
			return fmt.Errorf("%s: the type %q is not known: want REGISTRY, METADATA or DATA", o.Path, t)
		}
	}
	return nil
}

// checkMount looks at what the mount table says about an order.
func (p *Prober) checkMount(o *probe.Order, mounts table) (mount, error) {
	at := slices.IndexFunc(mounts, func(m mount) bool { return m.path == o.Path })
	if at < 0 {
		return mount{}, fmt.Errorf("%s is not a mount point: mount the device's file system there", o.Path)
	}
	m := mounts[at]
	if places := mounts.places(&m); len(places) > 1 {
		return mount{}, fmt.Errorf("%s is mounted more than once (%s): it must be mounted at that path alone, and nothing else there",
			o.Path, strings.Join(places, ", "))
	}
	if m.root != "/" {
		return mount{}, fmt.Errorf("%s shows the directory %s of a file system: mount all of it", o.Path, m.root)
	}
	if !isSupported(m.fileSystem) {
		return mount{}, fmt.Errorf("%s has a file system of type %s: want ext4 or xfs", o.Path, m.fileSystem)
	}
	if mounts.covers().hidden(at) {
		return mount{}, fmt.Errorf("%s is hidden by what is mounted above it: unmount that", o.Path)
	}
	if m.readOnly {
		return mount{}, fmt.Errorf("%s is mounted read-only: mount it for writing", o.Path)
	}
	return m, nil
}

// mark makes a device of a file system that is empty. The error says why it is
// none now. It may hang.
func (p *Prober) mark(m mount, o *probe.Order, taken map[string]bool) (outcome, error) {
	root, err := openRoot(m)
	if err != nil {
		return outcome{}, fmt.Errorf("%s %w", m.path, err)
	}
	defer root.Close()
	found, marked, err := readMarks(root)
	if err != nil {
		return outcome{}, fmt.Errorf("%s may be a device: %w", m.path, err)
	}
	if marked && found.order == o.ID {
		// An earlier try hung, and ended after the mounts were looked at.
		return outcome{probe.Initialization{ID: o.ID, Serial: found.serial}, p.look(m)}, nil
	}
	if marked {
		return outcome{}, fmt.Errorf("%s is a Quobyte device already: want an empty file system", m.path)
	}
	if err := checkEmpty(root); err != nil {
		return outcome{}, fmt.Errorf("%s %w", m.path, err)
	}
	made := marker{types: o.Types, bootstrap: o.Bootstrap, order: o.ID}
	made.serial, made.model = identity(p.cfg.Sysfs, m.major, m.minor)
	if made.serial == "" || taken[made.serial] {
		made.serial = p.cfg.NewSerial()
	}
	if err := placeMarker(root, made.text(p.cfg.Clock.Now(), p.cfg.Hostname), p.unnamedFiles); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", m.path, err)
	}
	return outcome{probe.Initialization{ID: o.ID, Serial: made.serial}, p.look(m)}, nil
}

// checkEmpty accepts what mkfs leaves, and what an earlier order left half done.
func checkEmpty(root *os.File) error {
	for {
		names, err := root.Readdirnames(64)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot be listed: %w", err)
		}
		for _, name := range names {
			if err := checkEntry(root, name); err != nil {
				return err
			}
		}
	}
}

func checkEntry(root *os.File, name string) error {
	switch name {
	case "lost+found":
		st, err := statAt(root, name)
		if err != nil {
			return fmt.Errorf("has a lost+found that cannot be looked at: %w", err)
		}
		if kind(st.Mode) == "a directory" {
			return nil
		}
	case unfinishedName:
		return checkUnfinished(root)
	}
	return fmt.Errorf("is not empty, it holds %q: want an empty file system (lost+found aside)", name)
}
