//! What a version is to become: the body of the request, made of the version as it is. Pure.

use std::collections::BTreeSet;

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::refused::{Refused, Why};
use crate::arm::gallery::{Body, State, Version};
use crate::inputs::{Promotion, Release, What};
use crate::resource::ResourceId;
use crate::resource::tag::{
    self, COPIED_FROM, LONGEST_VALUE, MOST_TAGS, PROMOTED, WITHDRAWN_AT, WITHDRAWN_BY,
    WITHDRAWN_END_OF_LIFE, WITHDRAWN_REASON,
};
use crate::template::model::TargetRegion;

/// Tags that begin like this say something of the version itself, not of a copy.
const NOT_COPIED: [&str; 3] = ["promoted", "withdrawn", "imagebuilder"];

/// What is asked for, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Release,
    pub(super) now: OffsetDateTime,
}

impl Asked<'_> {
    pub(super) fn refused(&self, version: &ResourceId, why: Why) -> Refused {
        let doing = match self.request.what {
            What::Promote(_) => "Promoting",
            What::Withdraw { .. } => "Withdrawing",
        };
        Refused {
            doing,
            version: version.clone(),
            why,
        }
    }

    /// What becomes of version `id`, which is `seen` now; nothing if it is already so.
    pub(super) fn of(&self, id: &ResourceId, seen: &Version) -> Result<Option<Body>, Refused> {
        let body = match &self.request.what {
            What::Promote(promotion) => self.promoted(id, promotion, seen)?,
            What::Withdraw { reason, .. } => self.withdrawn(id, reason, seen)?,
        };
        let Some(body) = body else { return Ok(None) };
        self.checked(id, body).map(Some)
    }

    fn promoted(
        &self,
        id: &ResourceId,
        promotion: &Promotion,
        seen: &Version,
    ) -> Result<Option<Body>, Refused> {
        match seen.state {
            State::Failed => return Err(self.refused(id, Why::Failed)),
            State::Deleting => return Err(self.refused(id, Why::Deleting)),
            _ => {}
        }
        let before = Body::of(seen);
        let mut body = before.clone();
        for region in &promotion.added {
            body.add_region(region);
        }
        body.exclude(false);
        let named = self.named();
        body.exclude_in(|region| {
            if named.is_empty() || named.contains(region) {
                Some(false)
            } else {
                (!is_shown(seen, region)).then_some(true)
            }
        });
        self.promote_end_of_life(seen, &mut body);
        for name in [
            WITHDRAWN_AT,
            WITHDRAWN_BY,
            WITHDRAWN_REASON,
            WITHDRAWN_END_OF_LIFE,
        ] {
            body.remove_tag(name);
        }
        self.add_tags(&mut body);
        if self.request.blocks_deletion {
            body.block_deletion();
        }
        if body.is_like(&before, &PROMOTED) {
            // What is asked for has to be right, whether it is there already or not.
            self.checked(id, body)?;
            return Ok(None);
        }
        self.sign_promotion(&mut body);
        Ok(Some(body))
    }

    fn promote_end_of_life(&self, seen: &Version, body: &mut Body) {
        let kept = seen.tag(WITHDRAWN_END_OF_LIFE);
        let kept = kept.and_then(|date| OffsetDateTime::parse(date, &Rfc3339).ok());
        if let Some(days) = self.request.end_of_life_in_days {
            body.set_end_of_life(Some(self.day(days)));
        } else if let Some(date) = kept {
            body.restore_end_of_life(date);
        } else if seen.tag(WITHDRAWN_AT).is_some()
            && seen.end_of_life.is_some_and(|date| date <= self.now)
        {
            body.set_end_of_life(None);
        }
    }

    fn withdrawn(
        &self,
        id: &ResourceId,
        reason: &str,
        seen: &Version,
    ) -> Result<Option<Body>, Refused> {
        match seen.state {
            State::Failed => return Ok(None),
            State::Deleting => return Err(self.refused(id, Why::Deleting)),
            _ => {}
        }
        let named = self.named();
        let is_meant = |region: &str| named.is_empty() || named.contains(region);
        let mut all = seen.regions.iter().map(|region| region.name.as_str());
        let counts = all.any(|region| is_meant(region) && is_shown(seen, region));
        if !counts && seen.tag(WITHDRAWN_AT).is_some() {
            return Ok(None);
        }
        let mut body = Body::of(seen);
        if named.is_empty() {
            body.exclude(true);
        } else {
            body.exclude_in(|region| named.contains(region).then_some(true));
        }
        let mut all = seen.regions.iter().map(|region| region.name.as_str());
        if !all.any(|region| !is_meant(region) && is_shown(seen, region)) {
            if let Some(date) = body.end_of_life()
                && seen.tag(WITHDRAWN_END_OF_LIFE).is_none()
            {
                body.set_tag(WITHDRAWN_END_OF_LIFE, &fit_for_tag(&date));
            }
            let days = self.request.end_of_life_in_days.unwrap_or_default();
            body.set_end_of_life(Some(self.day(days)));
        }
        self.add_tags(&mut body);
        body.set_tag(WITHDRAWN_AT, &self.moment());
        body.set_tag(WITHDRAWN_REASON, &fit_for_tag(reason));
        match &self.request.by {
            Some(by) => body.set_tag(WITHDRAWN_BY, &fit_for_tag(by)),
            None => body.remove_tag(WITHDRAWN_BY),
        }
        if self.request.blocks_deletion {
            body.block_deletion();
        }
        Ok(Some(body))
    }

    /// A copy of `source`, which is `seen` now, that does not exist yet; its gallery is in `location`.
    pub(super) fn copy(
        &self,
        id: &ResourceId,
        source: (&ResourceId, &Version),
        location: &str,
    ) -> Result<Body, Refused> {
        let (source_id, seen) = source;
        let mut body = Body::of_copy(location, source_id.as_str());
        for region in self.regions_of_copy(seen, location) {
            body.add_region(&region);
        }
        let named = self.named();
        if !named.is_empty() {
            body.exclude_in(|region| (!named.contains(region)).then_some(true));
        }
        if let Some(days) = self.request.end_of_life_in_days {
            body.set_end_of_life(Some(self.day(days)));
        }
        if self.request.blocks_deletion {
            body.block_deletion();
        }
        for (name, value) in &seen.tags {
            let plain = name.to_lowercase();
            if let Some(value) = value.as_str()
                && !NOT_COPIED.iter().any(|start| plain.starts_with(start))
            {
                body.set_tag(name, value);
            }
        }
        self.add_tags(&mut body);
        self.sign_promotion(&mut body);
        body.set_tag(COPIED_FROM, source_id.as_str());
        self.checked(id, body)
    }

    /// Those that are asked for; else those of the source and that of the gallery.
    fn regions_of_copy(&self, source: &Version, location: &str) -> Vec<TargetRegion> {
        if let What::Promote(promotion) = &self.request.what
            && !promotion.added.is_empty()
        {
            return promotion.added.clone();
        }
        let mut regions = source.target_regions();
        regions.push(TargetRegion {
            name: location.to_owned(),
            ..TargetRegion::default()
        });
        regions
    }

    /// The regions in which the version is promoted or withdrawn: those that are named, else all of `body`.
    pub(super) fn regions(&self, all: impl IntoIterator<Item = String>) -> Vec<String> {
        let named = self.request.regions.iter();
        let named: Vec<String> = named.map(ToString::to_string).collect();
        if named.is_empty() {
            all.into_iter().collect()
        } else {
            named
        }
    }

    fn named(&self) -> BTreeSet<&str> {
        let regions = self.request.regions.iter();
        regions.map(crate::resource::Region::as_str).collect()
    }

    fn add_tags(&self, body: &mut Body) {
        for (name, value) in &self.request.tags {
            body.set_tag(name, value);
        }
    }

    fn sign_promotion(&self, body: &mut Body) {
        let [at, by, run] = PROMOTED;
        body.set_tag(at, &self.moment());
        for (name, value) in [(by, &self.request.by), (run, &self.request.run)] {
            match value {
                Some(value) => body.set_tag(name, &fit_for_tag(value)),
                None => body.remove_tag(name),
            }
        }
    }

    fn checked(&self, id: &ResourceId, body: Body) -> Result<Body, Refused> {
        if self.request.blocks_deletion && body.end_of_life().is_none() {
            return Err(self.refused(id, Why::NoEndOfLife));
        }
        let count = body.tags();
        if count > MOST_TAGS {
            return Err(self.refused(id, Why::TooManyTags(count)));
        }
        Ok(body)
    }

    fn day(&self, days: u32) -> time::Date {
        let today = self.now.to_offset(UtcOffset::UTC).date();
        today
            .checked_add(Duration::days(i64::from(days)))
            .unwrap_or(time::Date::MAX)
    }

    /// `2026-11-28T18:02:11Z`.
    fn moment(&self) -> String {
        tag::moment(self.now)
    }
}

/// Whether the version is kept in a region from nobody who asks for the latest one. Of a complete version this is whether it counts there.
pub(super) fn is_shown(version: &Version, region: &str) -> bool {
    let shown = version.region(region).is_some_and(|it| !it.excluded);
    shown && !version.excluded
}

/// `value` as Azure takes it for a tag: on one line, and cut between characters, counted in UTF-16 units.
fn fit_for_tag(value: &str) -> String {
    let mut units = 0;
    let fitting = value.chars().take_while(|c| {
        units += c.len_utf16();
        units <= LONGEST_VALUE
    });
    fitting
        .map(|c| {
            let ends = ['\u{2028}', '\u{2029}'].contains(&c);
            if c.is_control() || ends { ' ' } else { c }
        })
        .collect()
}
