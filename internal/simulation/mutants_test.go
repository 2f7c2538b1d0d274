package simulation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	tryMutants  = flag.Bool("mutants", false, "break each rule on purpose, and see whether the simulation finds it")
	mutantSeeds = flag.Int("mutant-seeds", 1000, "how many seeds it has to find each")
)

// mutant is a rule that is broken in one place of the production code.
type mutant struct {
	name string
	file string // from the module's root
	old  string // stands there once
	new  string
	// found are the rules whose violation is what the mutant is expected to be found
	// by, as a regular expression.
	found string
}

func mutants() []mutant {
	return []mutant{
		{"a launch is no task before Mesos says so", "mesosbridge/accept.go",
			"s.addTask(&Task{ID: launched[i], AgentID: req.AgentID, State: mesos.TASK_STAGING, Launching: true, Since: now}, 0)", "_ = now",
			"rule (1|launch)"},
		{"barriers open with the agent's first word", "mesosbridge/barrier.go",
			"\t\ts.registered(agentID)\n\t\tif s.agentBooks[agentID].registered < round {", "\t\ts.registered(agentID)\n\t\tif true {",
			"rule 2"},
		{"a lost task has ended", "mesosbridge/snapshot.go",
			"\t\tmesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:\n\t\treturn true", "\t\tmesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR, mesos.TASK_LOST:\n\t\treturn true",
			"rule (1|5)"},
		{"an unreachable task has ended", "mesosbridge/snapshot.go",
			"\t\tmesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR:\n\t\treturn true", "\t\tmesos.TASK_DROPPED, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR, mesos.TASK_UNREACHABLE:\n\t\treturn true",
			"rule (1|5)"},
		{"a new process remembers no tasks", "controllers/cluster/fleet.go",
			"\tremembered, err := f.remember(ctx, key)", "\tremembered, err := f.remember(ctx, key)\n\tremembered = nil",
			"rule (1|5|launch)"},
		{"what is launched is not written down", "controllers/cluster/accept.go",
			"if err := seen.member.ledger.note(ctx, ids, now); err != nil {", "if err := error(nil); err != nil {",
			"rule (1|5)"},
		{"a prober is not asked about ports", "internal/plan/gone.go",
			"\tsilent, used := answer(known, l.ports, asked)", "\tsilent, used := answer(known, nil, asked)",
			"rule (1|5)"},
		{"the framework id is not read", "controllers/cluster/identity.go",
			"\tdeleting := cluster.DeletionTimestamp != nil\n", "\tkept, cluster.Status.FrameworkID = nil, \"\"\n\tdeleting := cluster.DeletionTimestamp != nil\n",
			"rule 6"},
		{"the framework id is not kept", "controllers/cluster/identity.go",
			"\tvar cluster *v1alpha1.QuobyteCluster\n\terr := retry.", "\tif true {\n\t\treturn nil\n\t}\n\tvar cluster *v1alpha1.QuobyteCluster\n\terr := retry.",
			"rule 6"},
		{"task ids repeat", "controllers/cluster/act.go",
			"nonce := quobyte.NewNonce(r.Clock.Now(), r.Nonces())", "nonce := \"same\"",
			"rule 7|liveness"},
		{"tasks are not checkpointed", "mesosbridge/calls.go",
			"ptr(true), // rule 9", "ptr(false),",
			"rule 9"},
		{"the lease is not asked", "controllers/cluster/lease.go",
			"\tcase *holder != l.Holder:", "\tcase false:",
			"rule 10"},
		{"the gate counts nothing", "internal/plan/gate.go",
			"\tif down >= t.limit {", "\tif false {",
			"rule 11"},
		{"what was killed does not count as down", "internal/plan/gate.go",
			"\t\tt.countDown(1, k.String()+\" on \"+host+\", \"+beingStopped)\n\t}\n\treturn v", "\t}\n\treturn v",
			"rule 11"},
		{"what cannot be heard of is stopped", "internal/plan/stop.go",
			"\t\t\tif s.task.status == doubtful {\n\t\t\t\t// It may serve", "\t\t\tif false {\n\t\t\t\t// It may serve",
			"rule (11|15)"},
		{"a missing device object is an instruction", "internal/plan/wanted.go",
			"func (s *slot) goes() bool { return s.leaving != \"\" &&", "func (s *slot) goes() bool { return !s.awaited &&",
			"rule 12"},
		{"Mesos kills what is unhealthy", "internal/quobyte/health.go",
			"neverKill = math.MaxUint32", "neverKill = math.MaxUint32 - math.MaxUint32 + 3",
			"rule 13"},
		{"a disk is served where it is before it is let go where it was", "internal/plan/moves.go",
			"m.remembered[k] || m.kept() && p.leftNothingOf(m, k)", "m.kept()",
			"rule 14|liveness"},
		{"Orphan leaves the fail-over time-out as it was", "controllers/cluster/deletion.go",
			"orphanedFor = 10 * 365 * 24 * time.Hour", "orphanedFor = 10 * 24 * time.Hour",
			"rule 16"},
		{"a teardown does not wait for the services", "controllers/cluster/deletion.go",
			"\tcase teardown && result.Phase != plan.PhaseStopped:", "\tcase false:",
			"rule 16"},
		{"Orphan stops what Teardown stops", "internal/plan/pass.go",
			"p.teardown = deleted && c.Spec.DeletionPolicy == v1alpha1.DeletionTeardown", "p.teardown = deleted",
			"rule (12|16)"},
		{"all is stopped in the order of starting", "internal/plan/stop.go",
			"\tfor _, k := range slices.Backward(allKinds[:]) {", "\tfor _, k := range slices.Clone(allKinds[:]) {",
			"rule stop order"},
		{"nothing waits for the registries", "internal/plan/start.go",
			"if need := majority(registries.members); registries.running < need {", "if need := 0; registries.running < need {",
			"rule start order"},
		{"all registries start at once", "internal/plan/bootstrap.go",
			"\tif !p.bootstrap.open || h == p.bootstrap.first {", "\tif true {",
			"rule start order"},
		{"updates are not acknowledged", "mesosbridge/tasks.go",
			"\tif len(st.UUID) > 0 && agentID != \"\" {\n\t\ts.send(", "\tif len(st.UUID) > 0 && agentID == \"\" {\n\t\ts.send(",
			"rule 18|liveness"},
		{"one floating instance too many", "internal/plan/wanted.go",
			"f.want = int(spec.Services.Of(string(services[k])).Instances)", "f.want = 1 + int(spec.Services.Of(string(services[k])).Instances)",
			"rule launch|liveness"},
		{"minReady is ignored by the gate", "internal/plan/gate.go",
			"Add(p.provesItself(s.task)); p.now.Before(until) {", "Add(p.provesItself(s.task)); false {",
			"rule 11"},
		{"a percentage of maxUnavailable is rounded up", "internal/plan/gate.go",
			"limit = wanted * limit / 100", "limit = (wanted*limit + 99) / 100",
			"rule 11"},
		{"maintenance stops without the gate", "internal/plan/maintenance.go",
			"\t\tif !v.ok {\n\t\t\treturn k.String() + \" \" + v.why", "\t\tif false {\n\t\t\treturn k.String() + \" \" + v.why",
			"rule 11"},
		{"what was stopped for maintenance is started in the window", "internal/plan/start.go",
			"\tif h.maintenance {\n\t\ts.wait", "\tif false {\n\t\ts.wait",
			"rule maintenance"},
		{"hosts are let go while they serve", "internal/plan/maintenance.go",
			"answer.Accept = answer.Why == \"\"", "answer.Accept = true",
			"rule maintenance"},
		{"all that is unhealthy is restarted at once", "internal/plan/heal.go",
			"\tat := h.slots[k].task.Steady.Add(", "\ttried, motion = nil, 0\n\tat := h.slots[k].task.Steady.Add(",
			"rule health"},
		{"a cordoned host is used", "internal/plan/wait.go",
			"w != nil || !p.cordoned[h.name] {", "w != nil || true {",
			"rule cordon"},
		{"a restart that was asked for is done twice", "internal/plan/restart.go",
			"launched.Before(asked)", "launched.Before(asked.Add(10 * time.Minute))",
			"rule 12"},
		{"what is suspended goes on", "internal/plan/pass.go",
			"\tcase c.Spec.Suspend:\n", "\tcase false:\n",
			"rule suspend"},
		{"the status forgets what was ready", "internal/plan/count.go",
			"\t\t\tif i.Wanted && i.Available {\n\t\t\t\tstatus.Ready++", "\t\t\tif i.Wanted && !i.Available {\n\t\t\t\tstatus.Ready++",
			"liveness"},
	}
}

// TestMutants breaks each rule, in a build of its own, and lets the simulation find it.
func TestMutants(t *testing.T) {
	if !*tryMutants {
		t.Skip("make simulate-mutants tries them")
	}
	root := moduleRoot(t)
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			binary := m.build(t, root)
			run := exec.Command(binary, "-test.run", "^TestSimulation$", "-test.timeout", "20m", "-failures", "1", "-seeds", fmt.Sprint(*mutantSeeds))
			run.Dir = filepath.Join(root, "internal", "simulation")
			out, err := run.CombinedOutput()
			if err == nil {
				t.Fatalf("%d seeds do not find it", *mutantSeeds)
			}
			said := regexp.MustCompile(`(rule [^:]*?) at |liveness|panic: `).FindStringSubmatch(string(out))
			right := regexp.MustCompile(m.found).FindString(string(out))
			seeds := regexp.MustCompile(`(?m)^\d+ seeds`).FindString(string(out))
			switch {
			case right != "":
				fmt.Printf("%-75s found after %s by %q\n", m.name, seeds, right)
			case said != nil:
				t.Errorf("found by %q, and not by %q: %.2000s", said[0], m.found, out)
			default:
				t.Errorf("it ends without a word of any rule: %.2000s", out)
			}
		})
	}
}

// TestMutantsHaveTheirPlace finds the mutants that a change of the code has left behind.
func TestMutantsHaveTheirPlace(t *testing.T) {
	for _, m := range mutants() {
		m.source(t, moduleRoot(t))
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// source is the file that the mutant changes, and its name.
func (m *mutant) source(t *testing.T, root string) (source, file string) {
	t.Helper()
	file = filepath.Join(root, filepath.FromSlash(m.file))
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(content), m.old); n != 1 {
		t.Errorf("%s: %s has %d times what is to be replaced: %s", m.name, m.file, n, m.old)
	}
	return string(content), file
}

// build makes the test's binary with the mutant in it. The sources stay as they are.
func (m *mutant) build(t *testing.T, root string) string {
	t.Helper()
	source, file := m.source(t, root)
	dir := t.TempDir()
	changed, binary := filepath.Join(dir, "changed.go"), filepath.Join(dir, "mutant.test")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		changed: []byte(strings.Replace(source, m.old, m.new, 1)), filepath.Join(dir, "overlay.json"): overlay,
	} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./internal/simulation")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	return binary
}
