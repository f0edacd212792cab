//! Rules of selection and media state: one active conversation per user and workspace.

use super::{Draft, Permit};
use crate::{
    Audience, Change, ChannelId, Command, Event, MediaPatch, MediaState, Rejection, Reply,
    Selection, SocketId, UserId,
};

impl Draft<'_> {
    pub(super) fn select(
        &mut self,
        command: &Command,
        socket: &SocketId,
        channel: &ChannelId,
        media: Option<&MediaPatch>,
    ) -> Result<Reply, Rejection> {
        let user = self.live_user(socket)?;
        if !self.state.may_see(&user, channel) {
            return Err(Rejection::ChannelNotFound);
        }
        // Asked even if nothing will change: what comes with the permission may be wanted anew.
        let permit = self.authorize(command, &user, Some(channel))?;
        let old = self.state.selections.get(&user).cloned();
        let same_channel = old.as_ref().is_some_and(|s| s.channel == *channel);
        let same_socket = old.as_ref().is_some_and(|s| s.socket == *socket);
        if same_channel && same_socket {
            return Ok(Reply::Unchanged);
        }
        // Who stays on a device keeps its media state; another device starts from the default.
        let base = old
            .as_ref()
            .filter(|_| same_socket)
            .map_or_else(MediaState::default, |s| s.media.clone());
        let media = media
            .map_or(Some(base.clone()), |patch| base.patched(patch))
            .ok_or(Rejection::MediaStateTooLarge)?;
        if !same_channel {
            self.end_selection(&user);
        }
        let selection = Selection {
            channel: channel.clone(),
            socket: socket.clone(),
            media: media.clone(),
        };
        self.put_selection(permit, &user, selection);
        let event = Event::UserSelectedChannel {
            user: user.clone(),
            channel: channel.clone(),
            media,
        };
        self.emit(event, self.viewers(channel));
        if old.is_some() && !same_socket {
            self.emit(
                Event::UserChangedDevice,
                Audience::Users(imbl::OrdSet::unit(user)),
            );
        }
        Ok(Reply::Changed)
    }

    fn put_selection(&mut self, _: Permit, user: &UserId, selection: Selection) {
        self.change(Change::Selected {
            user: user.clone(),
            selection,
        });
    }

    /// Ends a user's selection, if there is one, before those who see the channel.
    pub(super) fn end_selection(&mut self, user: &UserId) {
        let Some(selection) = self.state.selections.get(user) else {
            return;
        };
        let channel = selection.channel.clone();
        let viewers = self.viewers(&channel);
        let user = user.clone();
        self.change(Change::Unselected { user: user.clone() });
        self.emit(Event::UserUnselectedChannel { user, channel }, viewers);
    }

    pub(super) fn unselect(
        &mut self,
        command: &Command,
        socket: &SocketId,
    ) -> Result<Reply, Rejection> {
        let (user, selection) = self.held_selection(socket)?;
        let permit = self.authorize(command, &user, Some(&selection.channel))?;
        self.leave_on_purpose(permit, &user);
        Ok(Reply::Changed)
    }

    fn leave_on_purpose(&mut self, _: Permit, user: &UserId) {
        self.end_selection(user);
    }

    pub(super) fn update_media(
        &mut self,
        command: &Command,
        socket: &SocketId,
        patch: &MediaPatch,
    ) -> Result<Reply, Rejection> {
        let (user, selection) = self.held_selection(socket)?;
        let media = selection
            .media
            .patched(patch)
            .ok_or(Rejection::MediaStateTooLarge)?;
        let permit = self.authorize(command, &user, Some(&selection.channel))?;
        if media == selection.media {
            return Ok(Reply::Unchanged);
        }
        let viewers = self.viewers(&selection.channel);
        let selection = Selection {
            media: media.clone(),
            ..selection
        };
        self.put_selection(permit, &user, selection);
        self.emit(Event::MediaStateUpdated { user, media }, viewers);
        Ok(Reply::Changed)
    }

    /// The selection that a live socket holds.
    fn held_selection(&self, socket: &SocketId) -> Result<(UserId, Selection), Rejection> {
        let user = self.live_user(socket)?;
        let selection = self
            .state
            .selections
            .get(&user)
            .ok_or(Rejection::ChannelNotSelected)?;
        if selection.socket != *socket {
            return Err(Rejection::SelectedOnAnotherDevice);
        }
        Ok((user, selection.clone()))
    }
}
