//! The manifests, in the types of Kubernetes' own API.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvFromSource, EnvVar,
    EnvVarSource, ObjectFieldSelector, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec,
    ResourceRequirements, SeccompProfile, SecretEnvSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::Submission;
use super::{Manifests, Text, units};
use crate::config::SubmitConfig;

/// The user that the image runs as, and the group that owns what is mounted.
const USER: i64 = 10_001;

/// Where pods find what is copied from an object store.
const INPUTS: &str = "/inputs";

/// Where pods find the resolved config.
const RESOLVED: &str = "/etc/headlight/config.toml";

/// Of an index that failed so often by itself, Kubernetes keeps the number here.
const FAILURES: &str = "metadata.annotations['batch.kubernetes.io/job-index-failure-count']";

/// What each script begins with: the config is the one that was submitted.
const CHECK: &str = r#"if ! headlight show "$@" | cmp -s - /etc/headlight/config.toml; then
  echo "error: the config is read otherwise here than where it was submitted; here it is" >&2
  headlight show "$@" >&2
  exit 2
fi
"#;

/// One shard of one run. What it has encoded stays on the volume, so that another try goes on from there.
const ENCODE: &str = r#"mkdir -p "$MARKS/done" "$MARKS/failed" || exit 1
rm -f "$MARKS/failed/$JOB_COMPLETION_INDEX"
headlight encode "$@" --shards "$SHARDS" --task "$JOB_COMPLETION_INDEX" --set threads="$THREADS"
code=$?
if [ "$code" -eq 0 ]; then
  touch "$MARKS/done/$JOB_COMPLETION_INDEX"
elif [ "$code" -eq 2 ] || [ "${FAILURES:-0}" -ge "$RETRIES" ]; then
  touch "$MARKS/failed/$JOB_COMPLETION_INDEX"
fi
exit "$code"
"#;

/// Until all shards are encoded, or one of them cannot be.
const WAIT: &str = r#"mkdir -p "$MARKS/done" "$MARKS/failed" || exit 1
while :; do
  ready=$(ls "$MARKS/done" | wc -l)
  failed=$(ls "$MARKS/failed" | tr '\n' ' ')
  [ "$ready" -ge "$ELEMENTS" ] && exit 0
  if [ -n "$failed" ]; then
    echo "error: these indices of the Job that encodes have failed for good: $failed" >&2
    exit 1
  fi
  echo "$ready of $ELEMENTS shards are encoded"
  sleep 15
done
"#;

/// Statistics over what was encoded.
const RUN: &str = r#"exec headlight run "$@" --out "$RUNS" $FORCE
"#;

/// All of them for a submission.
///
/// # Errors
/// A key of `[submit]` that Kubernetes has no word for.
pub(super) fn of(submission: &Submission, text: &Text) -> Result<Manifests> {
    let keys = &submission.keys;
    let name = format!("headlight-{}-{}", units::label(&submission.name), text.id);
    let jobs = Jobs { submission, text, keys, resources: resources(keys)?, name };
    Ok(Manifests { config: jobs.config(), encode: jobs.encode()?, run: jobs.run()? })
}

/// What both jobs are made of.
struct Jobs<'a> {
    submission: &'a Submission,
    text: &'a Text,
    keys: &'a SubmitConfig,
    resources: ResourceRequirements,
    /// What the names of all three begin with.
    name: String,
}

impl Jobs<'_> {
    fn metadata(&self, part: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(format!("{}-{part}", self.name)),
            namespace: given(&self.keys.namespace),
            labels: Some(self.labels(part)),
            ..ObjectMeta::default()
        }
    }

    fn labels(&self, part: &str) -> BTreeMap<String, String> {
        let labels = [
            ("app.kubernetes.io/name", "headlight"),
            ("app.kubernetes.io/instance", self.name.as_str()),
            ("app.kubernetes.io/component", part),
            ("app.kubernetes.io/version", env!("CARGO_PKG_VERSION")),
        ];
        labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    /// The config as it is written, and as it was resolved.
    fn config(&self) -> ConfigMap {
        let mut data = BTreeMap::from([("resolved".to_owned(), self.submission.config())]);
        data.extend(self.text.file.as_ref().map(|(text, _)| ("config".to_owned(), text.clone())));
        ConfigMap { metadata: self.metadata("config"), data: Some(data), immutable: Some(true), ..ConfigMap::default() }
    }

    fn encode(&self) -> Result<Job> {
        let retries = self.keys.retries as i32;
        let code_of = |values: &[i32]| PodFailurePolicyOnExitCodesRequirement {
            container_name: Some("encode".to_owned()),
            operator: "In".to_owned(),
            values: values.to_vec(),
        };
        let rules = vec![
            // A node that goes is nobody's fault.
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: "True".to_owned(),
                }]),
                on_exit_codes: None,
            },
            // A wrong config is wrong however often it is tried.
            PodFailurePolicyRule {
                action: "FailIndex".to_owned(),
                on_exit_codes: Some(code_of(&[2])),
                on_pod_conditions: None,
            },
        ];
        let elements = self.submission.elements() as i32;
        let parallelism = if self.keys.parallelism == 0 { elements } else { self.keys.parallelism as i32 };
        let mut encode = self.container("encode", &[CHECK, ENCODE].concat());
        encode.env.get_or_insert_default().push(EnvVar {
            name: "FAILURES".to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                field_ref: Some(ObjectFieldSelector { field_path: FAILURES.to_owned(), ..Default::default() }),
                ..EnvVarSource::default()
            }),
        });
        let spec = JobSpec {
            completion_mode: Some("Indexed".to_owned()),
            completions: Some(elements),
            parallelism: Some(parallelism.min(elements)),
            backoff_limit_per_index: Some(retries),
            max_failed_indexes: Some(elements),
            pod_failure_policy: Some(PodFailurePolicy { rules }),
            ..self.spec("encode", self.inputs(), vec![encode])?
        };
        Ok(Job { metadata: self.metadata("encode"), spec: Some(spec), status: None })
    }

    fn run(&self) -> Result<Job> {
        let mut first = vec![self.container("wait", WAIT)];
        first.extend(self.inputs());
        let run = self.container("run", &[CHECK, RUN].concat());
        let containers = match self.results() {
            Some(results) => {
                first.push(run);
                vec![results]
            }
            None => vec![run],
        };
        let spec = JobSpec { backoff_limit: Some(self.keys.retries as i32), ..self.spec("run", first, containers)? };
        Ok(Job { metadata: self.metadata("run"), spec: Some(spec), status: None })
    }

    /// What is common to both: a pod that may do nothing but compute and write its volumes.
    fn spec(&self, part: &str, first: Vec<Container>, containers: Vec<Container>) -> Result<JobSpec> {
        // Who waits for the others does not know for how long.
        let time = given(&self.keys.time).filter(|_| part == "encode");
        let seconds = time.map(|time| units::seconds(&time)).transpose()?;
        let claim = PersistentVolumeClaimVolumeSource { claim_name: self.keys.volume.clone(), read_only: None };
        let config = ConfigMapVolumeSource { name: format!("{}-config", self.name), ..Default::default() };
        let mut volumes = vec![
            Volume { name: "data".to_owned(), persistent_volume_claim: Some(claim), ..Volume::default() },
            Volume { name: "config".to_owned(), config_map: Some(config), ..Volume::default() },
            Volume { name: "tmp".to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() },
        ];
        if !self.keys.inputs.is_empty() {
            let empty_dir = Some(EmptyDirVolumeSource::default());
            volumes.push(Volume { name: "inputs".to_owned(), empty_dir, ..Volume::default() });
        }
        let pod = PodSpec {
            restart_policy: Some("Never".to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                fs_group_change_policy: Some("OnRootMismatch".to_owned()),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..Default::default() }),
                ..PodSecurityContext::default()
            }),
            active_deadline_seconds: seconds,
            init_containers: (!first.is_empty()).then_some(first),
            containers,
            volumes: Some(volumes),
            ..PodSpec::default()
        };
        let metadata = ObjectMeta { labels: Some(self.labels(part)), ..ObjectMeta::default() };
        Ok(JobSpec { template: PodTemplateSpec { metadata: Some(metadata), spec: Some(pod) }, ..JobSpec::default() })
    }

    /// A container of headlight. The script gets CONFIG and `--set` as its arguments, so that no name is code.
    fn container(&self, name: &str, script: &str) -> Container {
        let (keys, submission) = (self.keys, self.submission);
        let runs = format!("{}/runs", keys.mount);
        let variables = [
            ("RUNS", runs.clone()),
            ("MARKS", format!("{runs}/.submit/{}", self.name)),
            ("SHARDS", submission.shards.to_string()),
            ("ELEMENTS", submission.elements().to_string()),
            ("THREADS", keys.cpus.to_string()),
            ("RETRIES", keys.retries.to_string()),
            ("FORCE", if submission.force { "--force".to_owned() } else { String::new() }),
            ("XDG_CACHE_HOME", format!("{}/cache", keys.mount)),
            ("HOME", "/tmp".to_owned()),
        ];
        let setup: String = keys.setup.iter().map(|line| format!("{line}\n")).collect();
        Container {
            name: name.to_owned(),
            image: Some(keys.image.clone()),
            command: Some(["/bin/sh", "-c"].map(str::to_owned).into()),
            args: Some(
                [format!("{setup}{script}"), name.to_owned()].into_iter().chain(submission.arguments.clone()).collect(),
            ),
            env: Some(variables.into_iter().map(|(name, value)| variable(name, value)).collect()),
            resources: Some(self.resources.clone()),
            security_context: Some(restricted()),
            volume_mounts: Some(self.mounts()),
            ..Container::default()
        }
    }

    fn mounts(&self) -> Vec<VolumeMount> {
        let mount = |name: &str, path: &str, sub_path: Option<&str>| VolumeMount {
            name: name.to_owned(),
            mount_path: path.to_owned(),
            sub_path: sub_path.map(ToOwned::to_owned),
            read_only: (name == "config").then_some(true),
            ..VolumeMount::default()
        };
        let mut mounts = vec![
            mount("data", &self.keys.mount, None),
            mount("tmp", "/tmp", None),
            mount("config", RESOLVED, Some("resolved")),
        ];
        mounts.extend(self.text.file.as_ref().map(|(_, path)| mount("config", path, Some("config"))));
        if !self.keys.inputs.is_empty() {
            mounts.push(mount("inputs", INPUTS, None));
        }
        mounts
    }

    /// What copies `submit.inputs` from the object store to the pod's own disk; none where there are none.
    fn inputs(&self) -> Vec<Container> {
        let from = given(&self.keys.inputs);
        from.map(|from| self.copy("inputs", vec![from, INPUTS.to_owned()])).into_iter().collect()
    }

    /// What copies the finished runs to the object store.
    fn results(&self) -> Option<Container> {
        let to = given(&self.keys.results)?;
        let mut arguments = vec![format!("{}/runs", self.keys.mount), to];
        let mut names: Vec<String> =
            self.submission.configs.iter().map(|config| config.settings.name.clone()).collect();
        if self.submission.configs.iter().any(|config| config.place.is_some()) {
            names.push(format!("{}-sweep", self.submission.name));
        }
        for name in names {
            arguments.extend(["--include".to_owned(), format!("/{}/**", literal(&name))]);
        }
        Some(self.copy("results", arguments))
    }

    fn copy(&self, name: &str, arguments: Vec<String>) -> Container {
        let secret = given(&self.keys.secret).map(|secret| {
            let secret_ref = Some(SecretEnvSource { name: secret, optional: None });
            vec![EnvFromSource { secret_ref, ..EnvFromSource::default() }]
        });
        Container {
            name: name.to_owned(),
            image: Some(self.keys.copier.clone()),
            args: Some(["copy".to_owned()].into_iter().chain(arguments).collect()),
            env: Some(vec![variable("HOME", "/tmp".to_owned())]),
            env_from: secret,
            security_context: Some(restricted()),
            volume_mounts: Some(self.mounts()),
            ..Container::default()
        }
    }
}

/// What a container may do: nothing that a program needs no rights for.
fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

fn resources(keys: &SubmitConfig) -> Result<ResourceRequirements> {
    let memory = given(&keys.memory).map(|memory| units::memory(&memory)).transpose()?;
    let quantity = |(name, amount): (&str, String)| (name.to_owned(), Quantity(amount));
    let mut requests = BTreeMap::from([quantity(("cpu", keys.cpus.to_string()))]);
    requests.extend(memory.clone().map(|memory| quantity(("memory", memory))));
    // Idle processors may be used; memory that is not there may not.
    let mut limits: BTreeMap<_, _> = memory.map(|memory| quantity(("memory", memory))).into_iter().collect();
    if keys.gpus > 0 {
        limits.extend([quantity(("nvidia.com/gpu", keys.gpus.to_string()))]);
    }
    Ok(ResourceRequirements { requests: Some(requests), limits: Some(limits), ..ResourceRequirements::default() })
}

fn variable(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), value_from: None }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A name as a pattern of rclone that stands for nothing else.
fn literal(name: &str) -> String {
    let special = |letter: char| "\\*?[]{}".contains(letter);
    name.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect()
}
