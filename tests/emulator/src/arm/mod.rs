//! Azure Resource Manager and the resource providers behind it: who may call, which route it is, and where it goes.

pub(crate) mod answer;
mod authorization;
mod capacity;
mod checks;
mod compute;
mod containers;
mod deployments;
mod desktops;
mod distribution;
mod echo;
mod everything;
mod galleries;
mod gallery_versions;
mod gate;
mod graph;
mod images;
mod latest;
mod lifecycle;
mod listing;
mod locks;
mod log;
mod machine_creation;
mod machine_work;
mod machines;
mod marketplace;
mod network;
mod numbering;
mod operations;
mod patch;
mod polling;
mod problem;
mod provisioning;
mod regions;
mod resources;
pub(crate) mod routes;
mod run_commands;
mod runs;
mod schema;
mod storage;
mod tagged;
mod tags;
mod template;
mod templates;
mod triggers;
mod version;
mod version_checks;
mod version_deletion;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use serde_json::Value;
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Origin, Refusal};
use crate::arm::deployments::Deployment;
use crate::arm::desktops::{Lists, Pool};
use crate::arm::gate::query_of;
use crate::arm::images::ManagedImage;
use crate::arm::machine_work::Machine;
use crate::arm::machines::Placed;
use crate::arm::operations::Operation;
use crate::arm::routes::{Call, Parameters, Route};
use crate::arm::run_commands::RunCommand;
use crate::arm::template::Template;
use crate::arm::version::{ImageVersion, SoftDeleted};
use crate::blob::BlobService;
use crate::ids::{self, Ids};
use crate::inventory::Inventory;
use crate::pools::{CommandFate, DeploymentFate, MachineFate, ScalingPlan, UpdateFate};
use crate::progress::RunFate;
use crate::switches::Switches;
use crate::world::World;

pub use crate::arm::desktops::Message;
pub(crate) use crate::arm::machine_work::Power;

/// The state of Azure Resource Manager.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) world: World,
    pub(crate) switches: Switches,
    ids: Ids,
    pub(crate) templates: BTreeMap<String, Template>,
    operations: BTreeMap<String, Operation>,
    pub(crate) versions: BTreeMap<String, ImageVersion>,
    /// The versions that were deleted and can be restored.
    pub(crate) soft_deleted: BTreeMap<String, SoftDeleted>,
    /// What is only shown: machines and host pools.
    pub(crate) resources: BTreeMap<String, Placed>,
    /// When Resource Graph was asked of late.
    queries: Vec<OffsetDateTime>,
    pub(crate) images: BTreeMap<String, ManagedImage>,
    /// How the next runs end; when it is empty, the switch decides.
    pub(crate) fates: VecDeque<RunFate>,
    pub(crate) pools: BTreeMap<String, Pool>,
    pub(crate) scaling_plans: BTreeMap<String, ScalingPlan>,
    /// Lists of session hosts, by who shares the limit on them.
    host_lists: BTreeMap<String, Lists>,
    /// Every message that was shown to a user.
    pub(crate) messages: Vec<Message>,
    /// Every registration token that was made.
    pub(crate) tokens_made: Vec<String>,
    /// How many updates of session hosts were begun.
    pub(crate) updates_asked: usize,
    pub(crate) update_fates: VecDeque<UpdateFate>,
    /// The VMs on which something was done.
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) deployments: BTreeMap<String, Deployment>,
    pub(crate) deployment_fates: VecDeque<DeploymentFate>,
    pub(crate) machine_fates: VecDeque<MachineFate>,
    pub(crate) run_commands: BTreeMap<String, RunCommand>,
    pub(crate) command_fates: VecDeque<CommandFate>,
}

/// A request whose route is known.
pub(crate) struct Asked<'request> {
    pub(crate) route: &'static Route,
    pub(crate) path: Parameters,
    pub(crate) version: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) raw: &'request Request<Bytes>,
    /// Object id of the caller.
    pub(crate) caller: String,
    pub(crate) now: OffsetDateTime,
}

impl Asked<'_> {
    /// The value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body of a deployment, which need not be strict JSON.
    pub(crate) fn deployment_json(&self) -> Result<Value, Refusal> {
        let text = String::from_utf8_lossy(self.raw.body());
        let body = crate::json::strict(&text);
        self.json_of(body.as_bytes())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        self.json_of(self.raw.body())
    }

    fn json_of(&self, body: &[u8]) -> Result<Value, Refusal> {
        let headers = self.raw.headers();
        let content_type = header(headers, "content-type").unwrap_or_default();
        if !content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
        {
            return Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                format!(
                    "The content media type '{content_type}' is not supported. Only 'application/json' is supported."
                ),
            ));
        }
        serde_json::from_slice(body).map_err(|error| {
            Refusal::new(
                400,
                "InvalidRequestContent",
                format!(
                    "The request content was invalid and could not be deserialized: '{error}'."
                ),
            )
        })
    }
}

/// A header's value as text.
pub(crate) fn header<'map>(headers: &'map HeaderMap, name: &str) -> Option<&'map str> {
    headers.get(name)?.to_str().ok()
}

impl Arm {
    pub(crate) fn new(world: World, switches: Switches) -> Self {
        let mut arm = Self {
            ids: Ids::new(switches.seed),
            templates: BTreeMap::new(),
            operations: BTreeMap::new(),
            versions: BTreeMap::new(),
            soft_deleted: BTreeMap::new(),
            resources: BTreeMap::new(),
            queries: Vec::new(),
            images: BTreeMap::new(),
            fates: VecDeque::new(),
            pools: BTreeMap::new(),
            scaling_plans: BTreeMap::new(),
            host_lists: BTreeMap::new(),
            messages: Vec::new(),
            tokens_made: Vec::new(),
            updates_asked: 0,
            update_fates: VecDeque::new(),
            machines: BTreeMap::new(),
            deployments: BTreeMap::new(),
            deployment_fates: VecDeque::new(),
            machine_fates: VecDeque::new(),
            run_commands: BTreeMap::new(),
            command_fates: VecDeque::new(),
            world,
            switches,
        };
        arm.add_images_of_world();
        arm.place_resources_of_world();
        arm.add_pools_of_world();
        arm
    }

    /// Answers a request as of `now`.
    pub(crate) fn answer(
        &mut self,
        request: &Request<Bytes>,
        blobs: &mut BlobService,
        now: OffsetDateTime,
    ) -> (Response<Bytes>, std::time::Duration) {
        let path = request.uri().path().to_ascii_lowercase();
        let mut origin = Origin {
            method: request.method().clone(),
            path: path.clone(),
            builder: path.contains("/microsoft.virtualmachineimages"),
            compute: path.contains("/microsoft.compute/"),
            desktops: path.contains("/microsoft.desktopvirtualization/"),
            identifies_operation: request.method() != Method::GET
                || path.contains("/operations/")
                || path.contains("/triggers"),
            caller: None,
        };
        let version = query_of(request)
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        let version = version.map(|(_, version)| version).unwrap_or_default();
        let answer = match self.try_answer(request, &mut origin, blobs, now) {
            Ok(answer) => answer,
            Err(refusal) => refusal.into_answer(&version),
        };
        let delay = answer.delay;
        (answer::finish(answer, &origin, &mut self.ids, now), delay)
    }

    /// A refusal as a response, for trouble that comes before any route.
    pub(crate) fn finish_refusal(
        &mut self,
        request: &Request<Bytes>,
        refusal: Refusal,
        now: OffsetDateTime,
    ) -> Response<Bytes> {
        let origin = Origin {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            builder: false,
            compute: false,
            desktops: false,
            identifies_operation: false,
            caller: None,
        };
        answer::finish(
            refusal.into_answer("2025-10-01"),
            &origin,
            &mut self.ids,
            now,
        )
    }

    /// What exists now.
    pub(crate) fn inventory(&self, blobs: &BlobService) -> Inventory {
        let state = |template: &Template| match &template.last_run {
            Some(run) => format!("{}, run {}", template.provisioning.name(), run.state),
            None => template.provisioning.name().to_owned(),
        };
        let staging = self
            .templates
            .values()
            .filter_map(|template| template.staging.as_ref());
        Inventory {
            templates: self
                .templates
                .values()
                .map(|template| (template.name.clone(), state(template)))
                .collect(),
            staging_groups: staging
                .filter(|staging| staging.made)
                .map(|staging| staging.group.clone())
                .collect(),
            blobs: blobs
                .blobs()
                .into_iter()
                .map(|blob| (blob.account, blob.container, blob.name, blob.length))
                .collect(),
            image_versions: self
                .versions
                .values()
                .map(|version| {
                    let regions = version.regions.iter().map(|region| region.name.clone());
                    (version.id.clone(), version.state.clone(), regions.collect())
                })
                .collect(),
            soft_deleted_versions: self
                .soft_deleted
                .values()
                .map(|deleted| deleted.version.id.clone())
                .collect(),
            managed_images: self.images.values().map(|image| image.id.clone()).collect(),
        }
    }

    fn try_answer(
        &mut self,
        request: &Request<Bytes>,
        origin: &mut Origin,
        blobs: &mut BlobService,
        now: OffsetDateTime,
    ) -> Result<Answer, Refusal> {
        let is_public = request
            .uri()
            .path()
            .eq_ignore_ascii_case("/metadata/endpoints");
        if !is_public {
            let claims = self.caller(request.headers(), now)?;
            origin.caller = Some((claims.tenant, claims.object));
        }
        let mut asked = self.route(request, now)?;
        if let Some((_, object)) = &origin.caller {
            asked.caller.clone_from(object);
        }
        let subscription = asked.path.get("subscription");
        self.check_subscription(&asked, subscription)?;
        self.check_group(&asked)?;
        self.check_locks(&asked)?;
        self.call(&asked, blobs)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one line for each route, and none that catches what has no handler"
    )]
    fn call(&mut self, asked: &Asked<'_>, blobs: &mut BlobService) -> Result<Answer, Refusal> {
        match asked.route.call {
            Call::MetadataEndpoints => Ok(self.metadata_endpoints(asked)),
            Call::ListSubscriptions => Ok(self.list_subscriptions()),
            Call::GetSubscription => Ok(self.get_subscription(asked)),
            Call::ListLocations => Ok(Self::list_locations(asked)),
            Call::GetProvider => self.provider(asked),
            Call::GetResourceGroup => self.resource_group(asked),
            Call::HeadResourceGroup => Ok(self.resource_group_exists(asked)),
            Call::GetIdentity => self.identity(asked),
            Call::PutTemplate => self.put_template(asked, blobs),
            Call::PatchTemplate => self.patch_template(asked),
            Call::GetTemplate => self.get_template(asked),
            Call::DeleteTemplate => self.delete_template(asked),
            Call::RunTemplate => self.run_template(asked),
            Call::CancelTemplate => self.cancel_template(asked),
            Call::ListRunOutputs => self.list_run_outputs(asked),
            Call::GetRunOutput => self.get_run_output(asked),
            Call::ListTemplatesOfGroup | Call::ListTemplates => self.list_templates(asked),
            Call::GetOperation | Call::GetComputeOperation => self.get_operation(asked),
            Call::GetGallery => self.get_gallery(asked),
            Call::ListDefinitions => self.list_definitions(asked),
            Call::GetDefinition => self.get_definition(asked),
            Call::ListVersions => self.list_versions(asked),
            Call::PutTrigger => self.put_trigger(asked),
            Call::GetTrigger => self.get_trigger(asked),
            Call::ListTriggers => self.list_triggers(asked),
            Call::DeleteTrigger => self.delete_trigger(asked),
            Call::GetVersion => self.get_version(asked),
            Call::PutVersion => self.put_version(asked),
            Call::DeleteVersion => self.delete_version(asked),
            Call::GetManagedImage => self.get_managed_image(asked),
            Call::GetStorageAccount => self.get_storage_account(asked),
            Call::ListStorageAccountsOfGroup | Call::ListStorageAccounts => {
                Ok(self.list_storage_accounts(asked))
            }
            Call::ListStorageKeys => self.list_storage_keys(asked),
            Call::ListContainerGroups => Ok(self.list_container_groups(asked)),
            Call::GetContainerLog => self.get_container_log(asked),
            Call::ListIdentitiesOfGroup => Ok(self.list_identities(asked)),
            Call::ListResourcesOfGroup | Call::ListResources => self.list_resources(asked),
            Call::ListGalleriesOfGroup => Ok(self.list_galleries(asked)),
            Call::ListPublishers => Ok(self.list_publishers(asked)),
            Call::ListOffers => self.list_offers(asked),
            Call::ListImageSkus => self.list_image_skus(asked),
            Call::ListPlatformImageVersions => self.list_platform_image_versions(asked),
            Call::GetPlatformImageVersion => self.get_platform_image_version(asked),
            Call::ListVmSizes => Ok(self.list_vm_sizes(asked)),
            Call::ListUsages => Ok(self.list_usages()),
            Call::ListVmSizesOfRegion => Ok(self.list_vm_sizes_of_region()),
            Call::ListResourceGroups => Ok(self.list_resource_groups(asked)),
            Call::ListManagedImagesOfGroup => Ok(self.list_managed_images(asked)),
            Call::ListNetworksOfGroup => Ok(self.list_networks(asked)),
            Call::GetNetwork => self.get_network(asked),
            Call::GetSubnet => self.get_subnet(asked),
            Call::ListPermissions => self.list_permissions(asked),
            Call::ListRoleAssignments => self.list_role_assignments(asked),
            Call::GetRole => self.get_role(asked),
            Call::PutGallery | Call::PatchGallery => self.put_gallery(asked),
            Call::DeleteGallery => self.delete_gallery(asked),
            Call::DeleteDefinition => self.delete_definition(asked),
            Call::PatchVersion => self.patch_version(asked),
            Call::ListSoftDeletedVersions => self.list_soft_deleted(asked),
            Call::ListVirtualMachines
            | Call::ListVirtualMachinesOfGroup
            | Call::ListScaleSets
            | Call::ListScaleSetsOfGroup
            | Call::ListScaleSetInstances
            | Call::ListNetworkInterfacesOfGroup
            | Call::ListDisksOfGroup => self.list_placed(asked),
            Call::GetScaleSet | Call::GetDisk | Call::GetNetworkInterface => self.get_placed(asked),
            Call::QueryResources => self.query_resources(asked),
            Call::RetrieveBootDiagnosticsData => self.boot_diagnostics(asked, blobs),
            Call::ListHostPools | Call::ListHostPoolsOfGroup => self.list_host_pools(asked),
            Call::GetHostPool => self.get_host_pool(asked),
            Call::PatchHostPool => self.patch_host_pool(asked),
            Call::RetrieveRegistrationToken => self.retrieve_registration_token(asked),
            Call::ListRegistrationTokens => self.list_registration_tokens(asked),
            Call::GetSessionHostConfiguration => self.get_configuration(asked),
            Call::PatchSessionHostConfiguration => self.patch_configuration(asked),
            Call::GetConfigurationOperation => self.get_configuration_operation(asked),
            Call::GetActiveSessionHostConfiguration => self.get_active_configuration(asked),
            Call::GetSessionHostManagement => self.get_management(asked),
            Call::PutSessionHostManagement => self.put_management(asked),
            Call::PatchSessionHostManagement => self.patch_management(asked),
            Call::InitiateUpdate => self.initiate_update(asked),
            Call::ControlUpdate => self.control_update(asked),
            Call::GetUpdateStatus => self.get_update_status(asked),
            Call::ControlProvisioning => self.control_provisioning(asked),
            Call::GetProvisioningStatus => self.get_provisioning_status(asked),
            Call::GetManagementOperation => self.get_management_operation(asked),
            Call::ListSessionHosts => self.list_session_hosts(asked),
            Call::GetSessionHost => self.get_session_host(asked),
            Call::PatchSessionHost => self.patch_session_host(asked),
            Call::DeleteSessionHost => self.delete_session_host(asked),
            Call::RetryProvisioning => self.retry_provisioning(asked),
            Call::ListUserSessions => self.list_user_sessions(asked),
            Call::ListUserSessionsOfHost => self.list_sessions_of_host(asked),
            Call::GetUserSession => self.get_user_session(asked),
            Call::DeleteUserSession => self.delete_user_session(asked),
            Call::DisconnectUserSession => self.disconnect_user_session(asked),
            Call::SendMessage => self.send_message(asked),
            Call::ListScalingPlans => self.list_scaling_plans(asked),
            Call::GetScalingPlan => self.get_scaling_plan(asked),
            Call::PatchScalingPlan => self.patch_scaling_plan(asked),
            Call::GetVirtualMachine => self.get_machine(asked),
            Call::GetInstanceView => self.get_instance_view(asked),
            Call::PutVirtualMachine => self.put_machine(asked),
            Call::PutRunCommand => self.put_run_command(asked),
            Call::GetRunCommand => self.get_run_command(asked),
            Call::ListRunCommands => self.list_run_commands(asked),
            Call::DeleteRunCommand => Ok(self.delete_run_command(asked)),
            Call::PutNetworkInterface => self.put_network_interface(asked),
            Call::PatchVirtualMachine => self.patch_machine(asked),
            Call::DeleteVirtualMachine => self.delete_machine(asked),
            Call::StartVirtualMachine
            | Call::RestartVirtualMachine
            | Call::PowerOffVirtualMachine
            | Call::DeallocateVirtualMachine => self.change_power(asked),
            Call::GetMachineOperation => self.get_machine_operation(asked),
            Call::DeleteDisk | Call::DeleteNetworkInterface => self.delete_part(asked),
            Call::GetTags => self.get_tags(asked),
            Call::PatchTags => self.patch_tags(asked),
            Call::PutDeployment => self.put_deployment(asked),
            Call::GetDeployment => self.get_deployment(asked),
            Call::HeadDeployment => Ok(self.head_deployment(asked)),
            Call::ValidateDeployment => self.validate_deployment(asked),
            Call::CancelDeployment => self.cancel_deployment(asked),
            Call::ListDeploymentOperations | Call::ListDeploymentOperationsAtScope => {
                self.list_deployment_operations(asked)
            }
            Call::GetDeploymentOperation => self.get_deployment_operation(asked),
        }
    }

    /// The key of the template that a request names.
    pub(crate) fn template_key(asked: &Asked<'_>) -> String {
        ids::key(&format!(
            "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.VirtualMachineImages/imageTemplates/{}",
            asked.path.get("subscription"),
            asked.path.get("group"),
            asked.path.get("template")
        ))
    }

    /// The template that a request names.
    pub(crate) fn template(&self, asked: &Asked<'_>) -> Result<&Template, Refusal> {
        self.templates
            .get(&Self::template_key(asked))
            .ok_or_else(|| {
                Refusal::not_found(
                    "Microsoft.VirtualMachineImages/imageTemplates",
                    asked.path.get("template"),
                    asked.path.get("group"),
                )
            })
    }
}
