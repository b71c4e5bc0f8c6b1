//! The origins of a plan: how each is connected to, and which endpoint is at which.

use std::time::Duration;

use super::connector::Connector;
use crate::run::plan::{Plan, Target};
use crate::run::run_file::{NameAddresses, StreamUse};

/// A connector for each origin, and the origin of each endpoint.
#[derive(Clone)]
pub(super) struct Origins {
    connectors: Vec<Connector>,
    /// By the place of the endpoint in the plan.
    of_endpoints: Vec<usize>,
    /// As in a run file.
    names: Vec<String>,
}

impl Origins {
    /// Those of a plan.
    ///
    /// # Errors
    /// Certificates or names in the plan cannot be used.
    pub(super) fn of(plan: &Plan) -> anyhow::Result<Origins> {
        let connectors = plan.origins().into_iter();
        let connectors = connectors.map(|target| Connector::new(target, &plan.connections));
        let endpoints = plan.endpoints.iter();
        Ok(Origins {
            connectors: connectors.collect::<Result<_, _>>()?,
            of_endpoints: endpoints.map(|endpoint| plan.origin_of(endpoint)).collect(),
            names: plan.origins().into_iter().map(origin_name).collect(),
        })
    }

    /// Finds the addresses of each name that accept connections.
    ///
    /// # Errors
    /// There is no runtime to ask with.
    pub(super) fn try_addresses(&mut self, timeout: Duration) -> std::io::Result<()> {
        let connectors = self.connectors.iter_mut();
        connectors
            .into_iter()
            .try_for_each(|connector| connector.try_addresses(timeout))
    }

    /// The addresses of every name that has several.
    pub(super) fn addresses(&self) -> Vec<NameAddresses> {
        self.connectors
            .iter()
            .filter_map(Connector::addresses)
            .collect()
    }

    /// The use of HTTP/2 connections to every origin.
    pub(super) fn streams(&self) -> Vec<StreamUse> {
        let named = self.connectors.iter().zip(&self.names);
        named
            .map(|(connector, name)| connector.stream_counters().record(name.clone()))
            .collect()
    }

    pub(super) fn connectors(&self) -> &[Connector] {
        &self.connectors
    }

    pub(super) fn origin(&self, endpoint: usize) -> usize {
        self.of_endpoints[endpoint]
    }
}

/// Scheme, host and port.
fn origin_name(target: &Target) -> String {
    format!("{}://{}", target.scheme.as_str(), target.authority())
}
